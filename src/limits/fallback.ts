import { errorFields, log } from '../lib/log.ts'
import { findGeneration, findMeter, findWindow, rememberLocally } from './known.ts'
import {
  findNeverFitting,
  type LimitDecision,
  type LimitRequest,
  type MeterRequest,
  type MeterState,
  type QuotaRequest,
} from './limit-request.ts'
import { bucketThatMakesRoom, indexBucket, liveBuckets, toReading } from './window.ts'

/** How often this isolate had to decide locally. Every log entry has it, so that an alert can watch its growth. */
let fallbacks = 0

/**
 * Decides a request while Redis fails, by the same rules and the figures that this isolate knows (known.ts). Admitted
 * requests are still recorded, and carried to the counters when Redis is back (carry.ts).
 */
export function admitLocally(request: LimitRequest, error: unknown): LimitDecision {
  fallbacks += 1
  log('warn', 'limiter_outage', { fallbacks, ...errorFields(error) })
  const costs = request.windows.some(({ cost }) => cost > 0)
  const meters =
    request.quota?.meters.map((meter) => findMeter(request.quota as QuotaRequest, meter, request.now)) ?? []
  const reads = request.windows.map((window) => readWindow(window, request.now))
  const limited = reads.findIndex(({ awaited }) => awaited !== undefined)
  const full = costs ? (request.quota?.meters.findIndex((meter, at) => isFull(meter, meters[at])) ?? -1) : -1
  const decided = { asOf: request.now, isLocal: true, meters } as const
  const windows = reads.map(({ reading }) => reading)
  const refuse = (outcome: 'rate_limited' | 'quota_exceeded', refused: number) => ({
    outcome,
    refused,
    ...decided,
    windows,
    ...findNeverFitting(request, outcome),
  })
  if (limited >= 0) return refuse('rate_limited', limited)
  if (full >= 0) return refuse('quota_exceeded', full)
  rememberLocally(request)
  return { outcome: 'admitted', refused: -1, ...decided, ...readAfter(request, meters, reads) }
}

/** The reading after the request has its units, and the lane of its event, to which the units are carried. */
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
