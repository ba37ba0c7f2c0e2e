/**
 * The rolling window, as pure functions: never more than the limit in any span of the window's length, wherever it
 * begins. It counts in buckets of a thirtieth of the window and counts each bucket until its last moment has left the
 * window. So units return up to one bucket late, and never early.
 *
 * The Lua script of limits/admission.ts does the same where it must be atomic.
 */
export const BUCKETS = 30

/** Units taken, by the number of their bucket: `floor(time / width)`. */
export type Counts = ReadonlyMap<number, number>

export interface Window {
  readonly windowMs: number
  readonly limit: number
}

export interface WindowReading {
  readonly limit: number
  readonly remaining: number
  /** Unix milliseconds: when all units are back, or, for a refused request, when it will fit. */
  readonly reset: number
}

/** @returns the number of the bucket that holds a time in Unix milliseconds */
export function indexBucket(now: number, windowMs: number): number {
  return Math.floor(now / (windowMs / BUCKETS))
}

/** @returns the buckets that still count, oldest first */
export function liveBuckets(counts: Counts, now: number, windowMs: number): [number, number][] {
  const oldest = indexBucket(now, windowMs) - BUCKETS
  return [...counts].filter(([bucket]) => bucket >= oldest).toSorted(([a], [b]) => a - b)
}

/**
 * @param taken units in the live buckets
 * @param lastBucket the bucket whose end sets `reset`: the newest, or the one that makes room
 */
export function toReading({ windowMs, limit }: Window, taken: number, lastBucket: number): WindowReading {
  const reset = Math.ceil((lastBucket + BUCKETS + 1) * (windowMs / BUCKETS))
  return { limit, remaining: Math.max(0, limit - taken), reset }
}

/**
 * Whether `cost` units fit now. A cost of 0 always fits. A cost above the limit never does; its `reset` is when
 * everything else is free again.
 *
 * @param live the buckets that still count, oldest first
 * @param current the current bucket
 * @returns undefined if they fit, else the bucket whose end makes room
 */
export function bucketThatMakesRoom(
  live: readonly [number, number][],
  cost: number,
  limit: number,
  current: number,
): number | undefined {
  let taken = live.reduce((sum, [, units]) => sum + units, 0)
  if (cost === 0 || taken + cost <= limit) return undefined
  for (const [bucket, units] of live) {
    taken -= units
    if (taken + cost <= limit) return bucket
  }
  return live.at(-1)?.[0] ?? current
}
