/** Converts a hold, or its refusal, to the wire format. Pure. */
import { toSlug } from '../../db/schema/meter-names.ts'
import type { CounterState } from '../../limits/counter.ts'
import { neverFits } from '../../limits/counter.ts'
import { CREDITS } from '../../limits/credits/credits.ts'
import { nameRefusal } from '../../limits/credits/spend-cap.ts'
import type { Hold } from '../../limits/holds/holds.ts'
import { limitName } from '../../limits/key-limits.ts'
import { describeLimit, formatLimitUnits } from '../../limits/limit-reading.ts'
import { type MeterRequest, type QuotaRequest, unitsNeeded } from '../../limits/limit-request.ts'
import { formatUnits } from '../../limits/meters/units.ts'
import { describeReading, formatMeterUnits } from '../../limits/quota-reading.ts'
import { reservationId } from '../reservation-id.ts'
import { MAX_CONCURRENT, type PlannedCounter } from './counters.ts'
import type { Reservation } from './schemas.ts'

/** The requested hold. */
interface AskedHold {
  readonly id: string
  readonly quota: QuotaRequest
  readonly counters: readonly PlannedCounter[]
  /** The key and the subject that it is for. */
  readonly about: { readonly key_id?: string; readonly subject?: string }
  /** Unix milliseconds. */
  readonly now: number
}

type Decided = Extract<Hold, { meters: unknown }>
type Refused = Exclude<Decided, { outcome: 'held' }>

export function toReservation(plan: AskedHold, hold: Decided): Reservation {
  const { id: holdId, quota } = plan
  const readings = readAll(plan, hold)
  if (hold.outcome === 'held') {
    const held = listAsked(plan).map(
      ([request, at]) => [toSlug(request.meter), formatMeterUnits(request, hold.amounts[at] ?? 0)] as const,
    )
    return {
      granted: true,
      reservation_id: reservationId(
        { organizationId: quota.organizationId, period: quota.period.name, holdId },
        plan.about,
      ),
      expires_at: toIso(hold.expiresAt),
      held: Object.fromEntries(held),
      ...readings,
    }
  }
  return { granted: false, ...(hold.outcome === 'exceeded' ? ofQuota(plan, hold) : ofCounter(plan, hold)), ...readings }
}

const toIso = (at: number) => new Date(at).toISOString()

/** The requested meters, with their positions in the quota. */
const listAsked = ({ quota }: AskedHold) =>
  [...quota.meters.entries()].flatMap(([at, request]) => (request.isGuard ? [] : [[request, at] as const]))

function readAll(plan: AskedHold, { meters, counters: states }: Decided) {
  const { quota, counters } = plan
  const resets_at = toIso(quota.period.end)
  const quotas = listAsked(plan).map(
    ([request, at]) => [toSlug(request.meter), describeReading(request, meters[at], resets_at)] as const,
  )
  const limits = counters.flatMap(({ limited }, at) =>
    limited ? [[limitName(limited), describeLimit(limited, states[at])] as const] : [],
  )
  return {
    quotas: Object.fromEntries(quotas) as Reservation['quotas'], // each meter has one kind of amount
    ...(limits.length > 0 && { limits: Object.fromEntries(limits) }),
  }
}

/** Rounded up, so that a client that waits exactly that long is not refused again. */
const secondsUntil = (at: number, now: number) => Math.max(1, Math.ceil((at - now) / 1_000))

function ofQuota({ quota, now }: AskedHold, { meters, refused: first }: Refused) {
  const never = quota.meters.findIndex((request) => request.limit !== null && unitsNeeded(request) > request.limit)
  const refused = never >= 0 ? never : first
  const request = quota.meters[refused] as MeterRequest
  const { meter, amount, isGauge = false } = request
  const { end } = quota.period
  const reading = describeReading(request, meters[refused], toIso(end))
  return {
    code: 'QUOTA_EXCEEDED' as const,
    refused_by: nameRefusal(request, meters[refused]),
    retry_after: never >= 0 || isGauge ? null : secondsUntil(end, now),
    exceeded: {
      meter: toSlug(meter),
      requested: formatMeterUnits(request, amount),
      ...reading,
      ...((never >= 0 || isGauge) && { resets_at: null }),
    },
    ...(never >= 0 && { never_fits: true as const }),
  }
}

/** A limit that can never be met is reported instead of one that could be met later. */
function ofCounter({ counters, now }: AskedHold, { counters: states, refused: first }: Refused) {
  const never = counters.findIndex(({ limited, ...counter }) => limited !== undefined && neverFits(counter))
  const refused = never >= 0 ? never : first
  const counter = counters[refused] as PlannedCounter
  const state = states[refused] as CounterState
  const reset = never >= 0 ? null : state.reset
  const known = {
    retry_after: reset === null ? null : secondsUntil(reset, now),
    ...(never >= 0 && { never_fits: true as const }),
  }
  if (counter.isBalance) return { code: 'CREDITS_EXHAUSTED' as const, ...known, ...ofCredits(counter, state) }
  if (!counter.limited) return { code: 'CONCURRENCY_EXCEEDED' as const, ...known, ...ofSlots(counter, state, reset) }
  const { limited, cost } = counter
  const { meter = limited.meter, held = 0, ...reading } = describeLimit(limited, state)
  return {
    code: 'RATE_LIMITED' as const,
    refused_by: limitName(limited),
    ...known,
    exceeded: {
      meter,
      requested: formatLimitUnits(limited, cost),
      used: formatLimitUnits(limited, state.used),
      held,
      ...reading,
      resets_at: reset === null ? null : toIso(reset),
    },
  }
}

const toUsd = (units: number) => formatUnits('cost_usd', units)

function ofCredits({ limit, cost }: PlannedCounter, { used, held }: CounterState) {
  const remaining = toUsd(Math.max(0, (limit ?? 0) - used - held))
  const exceeded = {
    meter: 'cost_usd',
    requested: toUsd(cost),
    limit: toUsd(limit ?? 0),
    used: toUsd(used),
    held: toUsd(held),
    remaining,
    resets_at: null,
  }
  return { refused_by: CREDITS, exceeded }
}

function ofSlots({ limit, cost }: PlannedCounter, { held }: CounterState, reset: number | null) {
  const resets_at = reset === null ? null : toIso(reset)
  const left = Math.max(0, (limit ?? 0) - held)
  const exceeded = { meter: 'slots', requested: cost, limit, used: 0, held, remaining: left, resets_at }
  return { refused_by: MAX_CONCURRENT, exceeded }
}
