import { errorFields, log } from '../lib/log.ts'
import { findGeneration, findMeter, findWindow, rememberAlone } from './known.ts'
import {
  findNeverFitting,
  type LimitDecision,
  type LimitRequest,
  type MeterRequest,
  type MeterState,
  type QuotaRequest,
} from './limit-request.ts'
import { bucketThatMakesRoom, indexBucket, liveBuckets, toReading } from './window.ts'

/** How often this isolate had to decide alone; logged with every entry so that an alert can look at its growth. */
let fallbacks = 0

/**
 * Decides a claim while Redis fails: the same rules, by what this isolate knows (known.ts). What is admitted is still
 * recorded, and carried to the counters when Redis is back (carry.ts).
 */
export function admitLocally(claim: LimitRequest, error: unknown): LimitDecision {
  fallbacks += 1
  log('warn', 'limiter_outage', { fallbacks, ...errorFields(error) })
  const costs = claim.windows.some(({ cost }) => cost > 0)
  const meters = claim.quota?.meters.map((meter) => findMeter(claim.quota as QuotaRequest, meter, claim.now)) ?? []
  const reads = claim.windows.map((window) => readWindow(window, claim.now))
  const limited = reads.findIndex(({ awaited }) => awaited !== undefined)
  const full = costs ? (claim.quota?.meters.findIndex((meter, at) => isFull(meter, meters[at])) ?? -1) : -1
  const decided = { asOf: claim.now, isLocal: true, meters } as const
  const windows = reads.map(({ reading }) => reading)
  const refuse = (outcome: 'rate_limited' | 'quota_exceeded', refused: number) => ({
    outcome,
    refused,
    ...decided,
    windows,
    ...findNeverFitting(claim, outcome),
  })
  if (limited >= 0) return refuse('rate_limited', limited)
  if (full >= 0) return refuse('quota_exceeded', full)
  rememberAlone(claim)
  return { outcome: 'admitted', refused: -1, ...decided, ...readAfter(claim, meters, reads) }
}

/** What is left once the claim has its units, and the lane of its event, to which they are carried. */
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
  const limit = window.limitAlone ?? window.limit
  const awaited = bucketThatMakesRoom(live, window.cost, limit, current)
  return {
    awaited,
    reading: toReading(window, taken, awaited ?? current),
    after: toReading(window, taken + window.cost, current),
  }
}
