import { expect, test } from 'vitest'
import { LATENCY_BOUNDS_MS } from '../../../../src/db/schema/shapes.ts'
import { percentile } from '../../../../src/usage/analytics/percentile.ts'

/** A histogram with this many responses at each of some upper bounds. */
function histogram(counts: Readonly<Record<number, number>>, slower = 0): number[] {
  return [...LATENCY_BOUNDS_MS.map((bound) => counts[bound] ?? 0), slower]
}

test('without responses there is no percentile', () => {
  expect(percentile(histogram({}), 0.5)).toBeNull()
})

test('inside a bucket responses are assumed to be spread evenly', () => {
  const counts = histogram({ 100: 100 }) // between 75 and 100 ms
  expect([0.5, 0.95, 0.99, 1].map((share) => percentile(counts, share))).toEqual([87.5, 98.8, 99.8, 100])
})

test('the bucket is the one that contains the rank, including its upper bound', () => {
  const counts = histogram({ 10: 50, 200: 50 })
  expect(percentile(counts, 0.49)).toBeLessThan(10)
  expect(percentile(counts, 0.5)).toBe(10)
  expect(percentile(counts, 0.51)).toBe(151)
  expect(percentile(histogram({ 1: 1 }), 0.5)).toBe(0.5)
})

test('above the last bound, only the bound is known', () => {
  expect(percentile(histogram({}, 3), 0.5)).toBe(30_000)
  expect(percentile(histogram({ 1: 99 }, 1), 0.99)).toBe(1)
  expect(percentile(histogram({ 1: 98 }, 2), 0.99)).toBe(30_000)
})
