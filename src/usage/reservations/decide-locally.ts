import type { Hold } from '../../limits/holds.ts'
import { findMeter, rememberHeld } from '../../limits/known.ts'
import { findCounter, isCounterFull, rememberCountersHeld } from '../../limits/known-counters.ts'
import { type MeterState, type QuotaRequest, unitsNeeded } from '../../limits/limit-request.ts'
import { isSpentLocally } from '../../limits/local-spend.ts'
import type { PlannedCounter } from './counters.ts'

interface AskedHold {
  readonly quota: QuotaRequest
  readonly gauges: QuotaRequest['recorded']
  readonly counters: readonly PlannedCounter[]
  readonly ms: number
  /** Unix milliseconds. */
  readonly now: number
}

/** Decides by the figures in this isolate's memory. Redis does not have the hold, so no other isolate knows of it. */
export function holdLocally({ quota, gauges, counters: asked, ms, now }: AskedHold): Hold {
  const known = { ...quota, recorded: { ...quota.recorded, ...gauges } }
  const meters = quota.meters.map((meter) => findMeter(known, meter, now))
  const counters = asked.map((counter) => findCounter(counter, now))
  const refused = quota.meters.findIndex(
    (request, at) =>
      request.limit !== null &&
      unitsNeeded(request) > 0 &&
      (sumState(meters[at]) + unitsNeeded(request) > request.limit || isSpentLocally(known, request, now)),
  )
  if (refused >= 0) return { outcome: 'exceeded', refused, meters, counters }
  const full = asked.findIndex((counter, at) => {
    const state = counters[at]
    const needed = counter.isBalance ? Math.max(counter.cost, 1) : counter.cost // a cost of 0 also needs a balance
    return state !== undefined && needed > 0 && isCounterFull(counter, state, needed)
  })
  if (full >= 0) return { outcome: 'counter_exceeded', refused: full, meters, counters }
  rememberHeld(quota, now + ms, now)
  rememberCountersHeld(asked, now + ms, now)
  return {
    outcome: 'held',
    expiresAt: now + ms,
    amounts: quota.meters.map(({ amount }) => amount),
    meters: meters.map(({ used, held }, at) => ({ used, held: held + (quota.meters[at]?.amount ?? 0) })),
    counters: counters.map(({ used, held, reset }, at) => ({ used, reset, held: held + (asked[at]?.cost ?? 0) })),
  }
}

const sumState = (state: MeterState | undefined) => (state?.used ?? 0) + (state?.held ?? 0)
