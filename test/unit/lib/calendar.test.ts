import { describe, expect, test } from 'vitest'
import { CALENDAR_PERIODS, toCalendarSpan } from '../../../src/lib/calendar.ts'

const at = (moment: string) => Date.parse(moment)

describe('the calendar span of a moment', () => {
  test.each([
    ['hour', '2026-11-28T09:00:00.000Z', '2026-11-28T10:00:00.000Z', 'hour-2026-11-28T09'],
    ['day', '2026-11-28T00:00:00.000Z', '2026-11-29T00:00:00.000Z', 'day-2026-11-28'],
    ['week', '2026-11-23T00:00:00.000Z', '2026-11-30T00:00:00.000Z', 'week-2026-11-23'],
    ['month', '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z', 'month-2026-11'],
  ] as const)('is its %s in UTC, including its first moment and excluding its end', (period, start, end, name) => {
    const span = { name, start: at(start), end: at(end) }
    expect(toCalendarSpan(period, at('2026-11-28T09:59:59.999Z'))).toEqual(span)
    expect(toCalendarSpan(period, at(start))).toEqual(span)
    expect(toCalendarSpan(period, at(end) - 1)).toEqual(span)
    expect(toCalendarSpan(period, at(end)).start).toBe(at(end))
    expect(toCalendarSpan(period, at(start) - 1).end).toBe(at(start))
  })

  test('of a week begins on Monday, even if that is in another year', () => {
    const span = toCalendarSpan('week', at('2027-01-01T12:00:00Z'))
    expect([span.start, span.end]).toEqual([at('2026-12-28T00:00:00Z'), at('2027-01-04T00:00:00Z')])
  })

  test('of a February respects leap years', () => {
    expect(toCalendarSpan('month', at('2028-02-29T23:00:00Z')).end).toBe(at('2028-03-01T00:00:00Z'))
  })

  test('has a name that no span of another length has', () => {
    const names = CALENDAR_PERIODS.map((period) => toCalendarSpan(period, at('2027-02-01T00:00:00Z')).name)
    expect(new Set(names).size).toBe(names.length)
  })
})
