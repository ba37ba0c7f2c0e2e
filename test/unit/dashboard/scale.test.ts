import { expect, test } from 'vitest'
import { axisTicks } from '../../../dashboard/src/charts/scale.ts'

test('an axis rises in round steps from zero to at least the largest value', () => {
  expect(axisTicks(0)).toEqual([0, 1])
  expect(axisTicks(1)).toEqual([0, 0.25, 0.5, 0.75, 1])
  expect(axisTicks(9.5)).toEqual([0, 2.5, 5, 7.5, 10])
  expect(axisTicks(0.0042)).toEqual([0, 0.002, 0.004, 0.006])
})

test('an axis of whole numbers has no fractions', () => {
  expect(axisTicks(1, true)).toEqual([0, 1])
  expect(axisTicks(3, true)).toEqual([0, 1, 2, 3])
  expect(axisTicks(9, true)).toEqual([0, 5, 10])
  for (const most of [1, 2, 7, 10, 11, 99, 101, 1_234_567]) {
    const ticks = axisTicks(most, true)
    expect(ticks.every(Number.isInteger)).toBe(true)
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(most)
  }
})
