import { errorFields, log } from '../lib/log.ts'
import { createLru } from '../lib/lru.ts'
import type { Admission, Claim } from './admission.ts'
import { bucketOf, bucketThatMakesRoom, liveBuckets, readingOf } from './window.ts'

/** Units per bucket, for each window of this isolate. */
const windows = createLru<ReadonlyMap<number, number>>(10_000)
const quotas = createLru<number>(10_000)

/** How often this isolate had to decide alone; logged with every entry so that an alert can look at its growth. */
let fallbacks = 0

/** Remembers what a counter said, as the last known figure for when Redis cannot be asked. */
export function rememberUsed(claim: Claim, used: readonly number[]): void {
  for (const [at, quota] of claim.quotas.entries()) quotas.set(quota.counter, used[at] ?? 0)
}

/**
 * Decides a claim while Redis fails: the same rules, counted in this isolate alone. The rate limit then holds per
 * isolate and the quota against the last known figure; what is admitted is still recorded, so the truth catches up.
 */
export function admitAlone(claim: Claim, error: unknown): Admission {
  fallbacks += 1
  log('warn', 'limiter_outage', { fallbacks, ...errorFields(error) })
  const used = claim.quotas.map((quota) => Math.max(quotas.get(quota.counter) ?? 0, quota.recorded))
  const isFull = claim.quotas.some(
    ({ amount, limit }, at) => amount > 0 && limit !== null && (used[at] ?? 0) + amount > limit,
  )
  const live = liveBuckets(windows.get(claim.windowKey) ?? new Map(), claim.now, claim.windowMs)
  const taken = live.reduce((sum, [, units]) => sum + units, 0)
  const current = bucketOf(claim.now, claim.windowMs)

  const awaited = bucketThatMakesRoom(live, claim.cost, claim.limit, current)
  if (awaited !== undefined) return { outcome: 'rate_limited', window: readingOf(claim, taken, awaited), used }
  if (isFull) return { outcome: 'quota_exceeded', window: readingOf(claim, taken, current), used }
  const counts = new Map(live)
  if (claim.cost > 0) counts.set(current, (counts.get(current) ?? 0) + claim.cost) // nothing taken leaves no bucket
  windows.set(claim.windowKey, counts)
  const after = claim.quotas.map((quota, at) => (used[at] ?? 0) + quota.amount)
  rememberUsed(claim, after)
  return { outcome: 'admitted', window: readingOf(claim, taken + claim.cost, current), used: after }
}
