import type { CounterState } from '../../limits/counter.ts'
import type { Hold } from '../../limits/holds/holds.ts'
import { findOwnHold, isOpen, type OwnHold, rememberOwnHold } from '../../limits/holds/own.ts'
import { type MeterState, type QuotaRequest, unitsNeeded } from '../../limits/limit-request.ts'
import { findMeter, listUnits } from '../../limits/outage/known.ts'
import { findCounter, isCounterFull } from '../../limits/outage/known-counters.ts'
import { isSpentLocally } from '../../limits/outage/spend.ts'
import type { PlannedCounter } from './counters.ts'

interface AskedHold {
  readonly id: string
  /** Set if the id is derived from an idempotency key. */
  readonly body?: string
  readonly trace?: string
  readonly quota: QuotaRequest
  readonly gauges: QuotaRequest['recorded']
  readonly counters: readonly PlannedCounter[]
  readonly ms: number
  /** Unix milliseconds. */
  readonly now: number
}

/**
 * Decides by the figures in this isolate's memory. Redis does not have the hold, so no other isolate knows of it. The same id
 * again returns the existing hold.
 */
export function holdLocally(plan: AskedHold): Hold {
  const { quota, gauges, counters: asked, now } = plan
  const known = { ...quota, recorded: { ...quota.recorded, ...gauges } }
  const meters = quota.meters.map((meter) => findMeter(known, meter, now))
  const counters = asked.map((counter) => findCounter(counter, now))
  const earlier = findOwnHold(plan.id)
  if (earlier) return repeatHold(earlier, plan, { meters, counters })
  const refused = quota.meters.findIndex(
    (request, at) =>
      request.limit !== null &&
      unitsNeeded(request) > 0 &&
      (sumState(meters[at]) + unitsNeeded(request) > request.limit || isSpentLocally(known, request, now)),
  )
  if (refused >= 0) return { outcome: 'exceeded', refused, meters, counters }
  const full = findFull(asked, counters)
  if (full >= 0) return { outcome: 'counter_exceeded', refused: full, meters, counters }
  rememberHeld(plan)
  return {
    outcome: 'held',
    expiresAt: now + plan.ms,
    amounts: quota.meters.map(({ amount }) => amount),
    meters: meters.map(({ used, held }, at) => ({ used, held: held + (quota.meters[at]?.amount ?? 0) })),
    counters: counters.map(({ used, held, reset }, at) => ({ used, reset, held: held + (asked[at]?.cost ?? 0) })),
  }
}

function findFull(asked: readonly PlannedCounter[], counters: readonly CounterState[]): number {
  return asked.findIndex((counter, at) => {
    const state = counters[at]
    const needed = counter.isBalance ? Math.max(counter.cost, 1) : counter.cost // a cost of 0 also needs a balance
    return state !== undefined && needed > 0 && isCounterFull(counter, state, needed)
  })
}

type States = Pick<Extract<Hold, { outcome: 'held' }>, 'meters' | 'counters'>

function repeatHold(hold: OwnHold, { quota, body, now }: AskedHold, states: States): Hold {
  if (hold.body !== body) return { outcome: 'reused' }
  if (!isOpen(hold, now)) return { outcome: 'closed' }
  const amounts = listUnits({ quota }).map(([slot]) => hold.units.get(slot) ?? 0)
  return { outcome: 'held', expiresAt: hold.until, amounts, ...states }
}

/** Redis does not have the holds that an isolate made without it, so it would take an idempotency key for a new one. */
export function findLocalConflict({ id, body, now }: Pick<AskedHold, 'id' | 'body' | 'now'>): Hold | undefined {
  const hold = findOwnHold(id)
  if (!hold?.isLocal) return undefined
  if (hold.body !== body) return { outcome: 'reused' }
  return isOpen(hold, now) ? undefined : { outcome: 'closed' }
}

/** @param held as Redis answered; absent if it did not */
export function rememberHeld(plan: AskedHold, held?: Extract<Hold, { outcome: 'held' }>): void {
  const { id, body, trace, quota, counters, ms, now } = plan
  const { amounts = quota.meters.map(({ amount }) => amount), expiresAt = now + ms } = held ?? {}
  const meters = quota.meters.map((meter, at) => Object.assign({}, meter, { amount: amounts[at] ?? 0 }))
  const byMeter = new Map<string, number>(meters.map(({ meter, amount }) => [meter, amount]))
  const costs = counters.map((one) => Object.assign({}, one, { cost: byMeter.get(one.meter ?? '') ?? one.cost }))
  const units = new Map(listUnits({ quota: { ...quota, meters }, counters: costs }))
  rememberOwnHold(id, { body, units, trace, isLocal: held === undefined, until: expiresAt }, now)
}

const sumState = (state: MeterState | undefined) => (state?.used ?? 0) + (state?.held ?? 0)
