/** Calendar periods in UTC. Weeks begin on Monday (ISO 8601). */
export const CALENDAR_PERIODS = ['hour', 'day', 'week', 'month'] as const

export type CalendarPeriod = (typeof CALENDAR_PERIODS)[number]

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const WEEK_MS = 7 * DAY_MS
/** The first Monday after 1970-01-01, which was a Thursday. */
const FIRST_MONDAY_MS = 4 * DAY_MS

/** Unix milliseconds; `end` is exclusive. */
interface CalendarSpan {
  /** Unique among all periods, including those of another length. */
  readonly name: string
  readonly start: number
  readonly end: number
}

/** The calendar hour, day, week or month that contains `at` (Unix milliseconds). */
export function toCalendarSpan(period: CalendarPeriod, at: number): CalendarSpan {
  const [start, end] = period === 'month' ? monthAround(at) : spanAround(period, at)
  const moment = new Date(start).toISOString()
  return { name: `${period}-${moment.slice(0, NAME_LENGTHS[period])}`, start, end }
}

const NAME_LENGTHS = { hour: 13, day: 10, week: 10, month: 7 } as const
const LENGTHS_MS = { hour: HOUR_MS, day: DAY_MS, week: WEEK_MS } as const

function spanAround(period: keyof typeof LENGTHS_MS, at: number): [start: number, end: number] {
  const [length, origin] = [LENGTHS_MS[period], period === 'week' ? FIRST_MONDAY_MS : 0]
  const start = origin + Math.floor((at - origin) / length) * length
  return [start, start + length]
}

function monthAround(at: number): [start: number, end: number] {
  const date = new Date(at)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  return [Date.UTC(year, month), Date.UTC(year, month + 1)]
}
