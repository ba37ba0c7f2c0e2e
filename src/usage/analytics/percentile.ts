import { LATENCY_BOUNDS_MS } from '../../db/schema/shapes.ts'

/**
 * The response time that a share of all responses did not exceed, from a histogram. Within a bucket, responses are
 * assumed to be evenly distributed, so the error is less than the bucket's width. Beyond the last bound, the result is
 * that bound.
 *
 * @param counts responses per bucket of `LATENCY_BOUNDS_MS`, whose upper bounds are inclusive, and the slower ones
 * @param share 0.95 for the 95th percentile
 * @returns milliseconds, to a tenth; `null` if there were none
 */
export function percentile(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total <= 0) return null
  const rank = share * total
  let below = 0
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) return within(bucket, (rank - below) / count)
    below += count
  }
  return LATENCY_BOUNDS_MS[LATENCY_BOUNDS_MS.length - 1] as number
}

function within(bucket: number, part: number): number {
  const lower = LATENCY_BOUNDS_MS[bucket - 1] ?? 0
  const upper = LATENCY_BOUNDS_MS[bucket] ?? lower
  return Math.round((lower + (upper - lower) * part) * 10) / 10
}
