import { expect, test } from 'vitest'
import { describeLimit, toLimitForm } from '../../../dashboard/src/screens/keys/limit-form.ts'

const budget = { name: 'budget', meter: 'cost_usd', period: 'day' } as const

test.each([
  ['500.000000', '500'],
  ['0.500000', '0.5'],
  ['0.000001', '0.000001'],
  ['100', '100'],
  [1_000, '1000'],
])('a limit of %s is edited as %s', (limit, typed) => {
  expect(toLimitForm({ ...budget, limit }).limit).toBe(typed)
})

test('a rolling window and a calendar period of the same length read differently', () => {
  const exports = { name: 'exports', limit: 50 }
  expect(describeLimit({ ...exports, window_seconds: 86_400 }, {})).toBe('50 requests in any 24 hours')
  expect(describeLimit({ ...exports, period: 'day' }, {})).toBe('50 requests per day')
})
