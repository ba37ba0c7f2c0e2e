import { describe, expect, test } from 'vitest'
import {
  BUCKETS,
  bucketThatMakesRoom,
  type Counts,
  indexBucket,
  liveBuckets,
  toReading,
} from '../../../src/limits/window.ts'

const MINUTE = 60_000
const WIDTH = MINUTE / BUCKETS
const START = 28_000_000 * MINUTE // a bucket's first moment, and a minute's
const FIRST = START / WIDTH
const WINDOWS = [30, 3_000, MINUTE, 600_000, 3_600_000] as const
const HISTORIES = 400

const below = (bound: number) => Math.floor(Math.random() * bound)
const anyOf = <T>(values: readonly T[]) => values[below(values.length)] as T
const sum = (live: readonly [number, number][]) => live.reduce((total, [, units]) => total + units, 0)

interface Asked {
  readonly counts: Counts
  readonly now: number
  readonly windowMs: number
  readonly limit: number
}

/** The response to a caller at a moment: whether the cost fits, and the reading that goes with it. */
function ask({ counts, now, windowMs, limit }: Asked, cost: number) {
  const live = liveBuckets(counts, now, windowMs)
  const current = indexBucket(now, windowMs)
  const awaited = bucketThatMakesRoom(live, cost, limit, current)
  return { fits: awaited === undefined, ...toReading({ windowMs, limit }, sum(live), awaited ?? current) }
}

/** Callers take random costs at random times, each only if it fits. */
function live(windowMs: number, limit: number) {
  const counts = new Map<number, number>()
  const taken: { at: number; cost: number }[] = []
  let now = START + below(windowMs)
  for (let step = 0; step < 40; step++) {
    now += below(Math.ceil(windowMs / anyOf([1, 3, 20, 100])))
    const cost = 1 + below(Math.ceil(limit / anyOf([1, 4, 15])))
    if (!ask({ counts, now, windowMs, limit }, cost).fits) continue
    const bucket = indexBucket(now, windowMs)
    counts.set(bucket, (counts.get(bucket) ?? 0) + cost)
    taken.push({ at: now, cost })
  }
  return { asked: { counts, now, windowMs, limit }, taken }
}

const anyHistory = () => live(anyOf(WINDOWS), 1 + below(anyOf([3, 100, 10_000, 1_000_000])))

test('a bucket is a thirtieth of the window and begins with its first millisecond', () => {
  const buckets = [START - 1, START, START + 1, START + WIDTH - 1, START + WIDTH].map((at) => indexBucket(at, MINUTE))
  expect(buckets.map((bucket) => bucket - FIRST)).toEqual([-1, 0, 0, 0, 1])
})

describe('the limit', () => {
  test('is never exceeded in any stretch of the window’s length, whatever the history', () => {
    for (let sample = 0; sample < HISTORIES; sample++) {
      const { asked, taken } = anyHistory()
      const stretches = taken.map(({ at: end }) =>
        taken.filter(({ at }) => end - asked.windowMs <= at && at <= end).reduce((total, { cost }) => total + cost, 0),
      )
      expect(Math.max(...stretches)).toBeLessThanOrEqual(asked.limit)
    }
  })

  test.each([0, 1, WIDTH - 1])(
    'a unit taken %d ms into its bucket counts for a whole window, and exactly until its bucket leaves',
    (into) => {
      const counts = new Map([[FIRST, 1]])
      const fitsAfter = (ms: number) => ask({ counts, now: START + ms, windowMs: MINUTE, limit: 1 }, 1).fits
      expect([into, into + MINUTE - 1, into + MINUTE, MINUTE + WIDTH - 1].map(fitsAfter)).toEqual(Array(4).fill(false))
      expect(fitsAfter(MINUTE + WIDTH)).toBe(true)
    },
  )
})

describe('a cost that fits', () => {
  const counts = new Map([[FIRST, 57]])
  const asked = { counts, now: START, windowMs: MINUTE, limit: 60 }

  test('is exactly what is left', () => {
    expect([2, 3, 4].map((cost) => ask(asked, cost).fits)).toEqual([true, true, false])
  })

  test('is always a cost of 0, even if nothing is left or more is taken than the limit allows', () => {
    expect([56, 57, 58, 0].map((limit) => ask({ ...asked, limit }, 0).fits)).toEqual(Array(4).fill(true))
  })

  test('is never a cost above the limit: its retry time is when everything else has left', () => {
    expect(ask(asked, 61)).toEqual({ fits: false, limit: 60, remaining: 3, reset: START + MINUTE + WIDTH })
    expect(ask({ ...asked, counts: new Map() }, 61)).toMatchObject({ fits: false, reset: START + MINUTE + WIDTH })
  })
})

describe('the reading', () => {
  test.each([
    [0, 60],
    [59, 1],
    [60, 0],
    [61, 0],
    [1_000_000, 0],
  ])('with %d of 60 taken %d remain, never fewer than none', (taken, remaining) => {
    expect(toReading({ windowMs: MINUTE, limit: 60 }, taken, FIRST).remaining).toBe(remaining)
  })

  test('is a whole number from 0 to the limit after every history, even if the limit is lowered', () => {
    for (let sample = 0; sample < HISTORIES; sample++) {
      const { asked } = anyHistory()
      for (const limit of [asked.limit, below(asked.limit)]) {
        const { remaining } = ask({ ...asked, limit, now: asked.now + below(asked.windowMs * 2) }, 0)
        expect(Number.isInteger(remaining) && remaining >= 0 && remaining <= limit).toBe(true)
      }
    }
  })

  test('gives the largest cost that fits: one more does not', () => {
    for (let sample = 0; sample < HISTORIES; sample++) {
      const { asked } = anyHistory()
      const { remaining } = ask(asked, 0)
      expect(ask(asked, remaining).fits).toBe(true)
      expect(ask(asked, remaining + 1).fits).toBe(false)
    }
  })

  test('never shrinks while nobody takes anything', () => {
    for (let sample = 0; sample < 100; sample++) {
      const { asked } = anyHistory()
      const moments = Array.from({ length: 50 }, () => asked.now + below(asked.windowMs * 2)).toSorted((a, b) => a - b)
      const remaining = moments.map((now) => ask({ ...asked, now }, 0).remaining)
      expect(remaining).toEqual(remaining.toSorted((a, b) => a - b))
    }
  })
})

describe('the reset', () => {
  test.each([
    ['the oldest bucket, when that is enough', 10, START + MINUTE + WIDTH],
    ['the second, when both are needed', 11, START + MINUTE + 2 * WIDTH],
    ['the newest, when it is the whole limit', 40, START + MINUTE + 6 * WIDTH],
  ])('of a refused cost waits for %s', (_, cost, reset) => {
    const counts = new Map([
      [FIRST, 10],
      [FIRST + 1, 10],
      [FIRST + 5, 20],
    ])
    const asked = { counts, now: START + 6 * WIDTH, windowMs: MINUTE, limit: 40 }
    expect(ask(asked, cost)).toMatchObject({ fits: false, remaining: 0, reset })
  })

  test('of a refused cost is the first millisecond at which it fits, after every history', () => {
    let refused = 0
    for (let sample = 0; sample < HISTORIES; sample++) {
      const { asked } = anyHistory()
      for (const cost of [1, asked.limit, 1 + below(asked.limit)]) {
        const { fits, reset } = ask(asked, cost)
        if (fits) continue
        const told = JSON.stringify({ ...asked, counts: [...asked.counts], cost, reset })
        expect(reset, told).toBeGreaterThan(asked.now)
        expect(ask({ ...asked, now: reset }, cost).fits, told).toBe(true)
        expect(ask({ ...asked, now: reset - 1 }, cost).fits, told).toBe(false)
        refused += 1
      }
    }
    expect(refused).toBeGreaterThan(HISTORIES / 4)
  })

  test('the same holds if a lowered limit left more behind than it allows', () => {
    for (let sample = 0; sample < HISTORIES; sample++) {
      const { asked } = anyHistory()
      const lowered = { ...asked, limit: 1 + below(asked.limit) }
      const cost = 1 + below(lowered.limit)
      const { fits, reset } = ask(lowered, cost)
      if (fits) continue
      expect(ask({ ...lowered, now: reset }, cost).fits).toBe(true)
      expect(ask({ ...lowered, now: reset - 1 }, cost).fits).toBe(false)
    }
  })

  test('of a cost that fits is when all units have returned, including its own', () => {
    for (let sample = 0; sample < HISTORIES; sample++) {
      const { asked, taken } = anyHistory()
      const now = taken.at(-1)?.at ?? 0
      const { reset, limit } = ask({ ...asked, now }, 0)
      expect(ask({ ...asked, now: reset }, 0).remaining).toBe(limit)
      expect(ask({ ...asked, now: reset - 1 }, 0).remaining).toBeLessThan(limit)
    }
  })
})

test('buckets that have left are removed, and the others come oldest first', () => {
  const buckets = [FIRST, FIRST - 1, FIRST - BUCKETS, FIRST - BUCKETS - 1, FIRST - 1_000]
  const counts = new Map(buckets.map((bucket) => [bucket, 1]))
  const left = [FIRST - BUCKETS, FIRST - 1, FIRST]
  expect(liveBuckets(counts, START, MINUTE).map(([bucket]) => bucket)).toEqual(left)
})
