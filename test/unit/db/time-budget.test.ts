import { expect, test } from 'vitest'
import { TimeBudget } from '../../../src/db/time-budget.ts'

test('the end of a part lifts its own budget, not that of the whole', () => {
  const whole = new TimeBudget(1_000)
  const part = whole.fork()
  expect(part.limit(60_000)).toBeLessThanOrEqual(1_000)
  part.lift()
  expect(part.limit(60_000)).toBe(60_000)
  expect(whole.limit(60_000)).toBeLessThanOrEqual(1_000)
})
