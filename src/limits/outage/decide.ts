import { errorFields, logRepeated } from '../../lib/log.ts'
import type { CounterRequest, CounterState } from '../counter.ts'
import {
  findNeverFitting,
  type LimitDecision,
  type LimitRequest,
  type MeterRequest,
  type MeterState,
} from '../limit-request.ts'
import { bucketThatMakesRoom, indexBucket, liveBuckets, toReading } from '../window.ts'
import { findGeneration, findMeter, findWindow, rememberLocally } from './known.ts'
import { findCounter, isCounterFull, rememberCountersLocally } from './known-counters.ts'
import { isSpentLocally } from './spend.ts'

/**
 * Decides a request while Redis fails, by the same rules and from the figures that this isolate knows (known.ts). Admitted
 * requests are still recorded, and carried to the counters when Redis is back (carry.ts).
 */
export function admitLocally(request: LimitRequest, error: unknown): LimitDecision {
  logRepeated('warn', 'limiter_outage', errorFields(error))
  const { now, quota } = request
  const meters = quota?.meters.map((meter) => findMeter(quota, meter, now)) ?? []
  const counters = request.counters?.map((counter) => findCounter(counter, now))
  const reads = request.windows.map((window) => readWindow(window, now))
  const decided = { asOf: now, isLocal: true, meters, ...(counters && { counters }) } as const
  const refusal = findRefusal(request, { meters, counters, reads })
  if (refusal) {
    const windows = reads.map(({ reading }) => reading)
    return { ...refusal, ...decided, windows, ...findNeverFitting(request, refusal.outcome) }
  }
  rememberLocally(request)
  rememberCountersLocally(request.counters, now)
  return { outcome: 'admitted', refused: -1, ...decided, ...readAfter(request, meters, reads) }
}

interface Known {
  readonly meters: readonly MeterState[]
  readonly counters: readonly CounterState[] | undefined
  readonly reads: readonly ReturnType<typeof readWindow>[]
}

/** The first part that refuses, in the order of the admission script. */
function findRefusal({ windows, quota, counters = [], now }: LimitRequest, known: Known) {
  const costs = windows.some(({ cost }) => cost > 0)
  const limited = known.reads.findIndex(({ awaited }) => awaited !== undefined)
  if (limited >= 0) return { outcome: 'rate_limited', refused: limited } as const
  const used = costs ? findFull(counters, known.counters) : -1
  if (used >= 0) return { outcome: 'counter_exceeded', refused: used } as const
  const full =
    costs && quota
      ? quota.meters.findIndex((meter, at) => isFull(meter, known.meters[at]) || isSpentLocally(quota, meter, now))
      : -1
  return full >= 0 ? ({ outcome: 'quota_exceeded', refused: full } as const) : undefined
}

/** The reading after the request took its units, and the lane of its event, to which the units are carried. */
function readAfter(
  { quota }: LimitRequest,
  meters: readonly MeterState[],
  reads: readonly ReturnType<typeof readWindow>[],
) {
  const generation = quota && findGeneration(quota)
  return {
    meters: meters.map(({ used, held }, at) => ({ used: used + (quota?.meters[at]?.amount ?? 0), held })),
    windows: reads.map(({ after }) => after),
    ...(generation !== undefined && { generation }),
  }
}

function findFull(counters: readonly CounterRequest[], states: readonly CounterState[] = []): number {
  return counters.findIndex((counter, at) =>
    isCounterFull(counter, states[at] as CounterState, Math.max(counter.cost, 1)),
  )
}

function isFull({ amount, limit }: MeterRequest, state: MeterState | undefined): boolean {
  return limit !== null && (state?.used ?? 0) + (state?.held ?? 0) + Math.max(amount, 1) > limit
}

function readWindow(window: LimitRequest['windows'][number], now: number) {
  const current = indexBucket(now, window.windowMs)
  const live = liveBuckets(findWindow(window.key, current), now, window.windowMs)
  const taken = live.reduce((sum, [, units]) => sum + units, 0)
  const limit = window.localLimit ?? window.limit
  const awaited = bucketThatMakesRoom(live, window.cost, limit, current)
  return {
    awaited,
    reading: toReading(window, taken, awaited ?? current),
    after: toReading(window, taken + window.cost, current),
  }
}
