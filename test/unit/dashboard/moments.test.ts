import { expect, test } from 'vitest'
import { hoursAgo, resolveMoment } from '../../../dashboard/src/api/moments.ts'
import { beginning } from '../../../dashboard/src/screens/usage/event-ranges.ts'

const DAY_MS = 86_400_000
const opened = Date.parse('2026-03-01T10:00:30Z')

test('a span that ends now begins as long before each request, however long the page has been open', () => {
  for (const later of [0, 60_001, DAY_MS]) {
    const now = opened + later
    const hour = now - Date.parse(resolveMoment(hoursAgo(1), now))
    expect(hour).toBeGreaterThan(3_600_000 - 60_000)
    expect(hour).toBeLessThanOrEqual(3_600_000)
  }
})

test('the longest span of events stays below 35 days, also by a clock that is some minutes slow', () => {
  const now = opened + DAY_MS
  expect(now + 600_000 - Date.parse(resolveMoment(beginning('35d'), now))).toBeLessThan(35 * DAY_MS)
})

test('a time that is given stays as it is', () => {
  expect(resolveMoment('2026-01-01T00:00:00Z', opened)).toBe('2026-01-01T00:00:00Z')
})
