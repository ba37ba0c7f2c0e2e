/** A hold, or its refusal, in the form of the wire. Pure. */
import { toSlug } from '../../db/schema/meter-names.ts'
import type { CounterState } from '../../limits/counter.ts'
import { neverFits } from '../../limits/counter.ts'
import { CREDITS } from '../../limits/credits.ts'
import type { Hold } from '../../limits/holds.ts'
import { describeLimit, formatLimitUnits } from '../../limits/limit-reading.ts'
import type { MeterRequest, QuotaRequest } from '../../limits/limit-request.ts'
import { formatUnits } from '../../limits/meter-units.ts'
import { describeReading, formatMeterUnits } from '../../limits/quota-reading.ts'
import { MAX_CONCURRENT, type PlannedCounter } from './counters.ts'
import { reservationId } from './id.ts'
import type { Reservation } from './schemas.ts'

/** What was asked for. */
interface AskedHold {
  readonly id: string
  readonly quota: QuotaRequest
  readonly counters: readonly PlannedCounter[]
  /** Unix milliseconds. */
  readonly now: number
}

type Decided = Extract<Hold, { meters: unknown }>
type Refused = Exclude<Decided, { outcome: 'held' }>

export function toReservation(plan: AskedHold, hold: Decided): Reservation {
  const { id, quota } = plan
  const readings = readAll(plan, hold)
  if (hold.outcome === 'held') {
    const held = quota.meters.map(
      (request, at) => [toSlug(request.meter), formatMeterUnits(request, hold.amounts[at] ?? 0)] as const,
    )
    return {
      granted: true,
      reservation_id: reservationId(quota.organizationId, quota.period.name, id),
      expires_at: toIso(hold.expiresAt),
      held: Object.fromEntries(held),
      ...readings,
    }
  }
  return { granted: false, ...(hold.outcome === 'exceeded' ? ofQuota(plan, hold) : ofCounter(plan, hold)), ...readings }
}

const toIso = (at: number) => new Date(at).toISOString()

function readAll({ quota, counters }: AskedHold, { meters, counters: states }: Decided) {
  const resets_at = toIso(quota.period.end)
  const quotas = quota.meters.map(
    (request, at) => [toSlug(request.meter), describeReading(request, meters[at], resets_at)] as const,
  )
  const limits = counters.flatMap(({ limited }, at) =>
    limited ? [[limited.name, describeLimit(limited, states[at])] as const] : [],
  )
  return {
    quotas: Object.fromEntries(quotas) as Reservation['quotas'], // each meter has one kind of amount
    ...(limits.length > 0 && { limits: Object.fromEntries(limits) }),
  }
}

/** Rounded up, so that a client that waits exactly that long is not refused again. */
const secondsUntil = (at: number, now: number) => Math.max(1, Math.ceil((at - now) / 1_000))

function ofQuota({ quota, now }: AskedHold, { meters, refused: first }: Refused) {
  const never = quota.meters.findIndex(({ amount, limit }) => limit !== null && amount > limit)
  const refused = never >= 0 ? never : first
  const request = quota.meters[refused] as MeterRequest
  const { meter, amount } = request
  const { end } = quota.period
  const reading = describeReading(request, meters[refused], toIso(end))
  return {
    code: 'QUOTA_EXCEEDED' as const,
    refused_by: request.refusedBy ?? toSlug(meter),
    retry_after: never >= 0 ? null : secondsUntil(end, now),
    exceeded: { meter: toSlug(meter), requested: formatMeterUnits(request, amount), ...reading, ...neverFrom(never) },
    ...(never >= 0 && { never_fits: true as const }),
  }
}

const neverFrom = (never: number) => never >= 0 && { resets_at: null }

/** A limit of the key that can never be met is named instead of one that could be met later. */
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
    refused_by: limited.name,
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
