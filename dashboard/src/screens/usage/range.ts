import { addDays, dayIn, dayStart } from './zones.ts'

/** Spans that are offered, and how the time before them is called. */
export const RANGES = [
  ['24h', 'Last 24 hours'],
  ['7d', 'Last 7 days'],
  ['30d', 'Last 30 days'],
  ['month', 'This month'],
  ['90d', 'Last 90 days'],
  ['12m', 'Last 12 months'],
  ['custom', 'Custom'],
] as const

export type Interval = 'hour' | 'day' | 'month'

const INTERVAL_NAMES = { hour: 'Hour', day: 'Day', month: 'Month' } as const

export interface Span {
  /** ISO 8601; the whole hours that are asked for. */
  readonly from: string
  /** Absent where the span ends now. */
  readonly to?: string
}

interface Asked {
  readonly range: string
  readonly zone: string
  /** Days, both included; only of the range `custom`. */
  readonly from: string
  readonly to: string
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const iso = (at: number) => new Date(at).toISOString()
const DAYS: Readonly<Record<string, number>> = { '7d': 7, '30d': 30, '90d': 90 }

/** Spans begin at the start of an hour or day, so that they stay the same while somebody looks at them. */
export function toSpan({ range, zone, from, to }: Asked, now = Date.now()): Span {
  const today = dayIn(now, zone)
  const days = DAYS[range]
  if (range === '24h') return { from: iso(Math.floor(now / HOUR_MS) * HOUR_MS - 23 * HOUR_MS) }
  if (days) return { from: iso(dayStart(addDays(today, 1 - days), zone)) }
  if (range === 'month') return { from: iso(dayStart(`${today.slice(0, 8)}01`, zone)) }
  if (range === '12m') return { from: iso(dayStart(elevenMonthsBefore(today), zone)) }
  const first = isDay(from) ? from : addDays(today, -29)
  const last = isDay(to) && to >= first ? to : today
  return { from: iso(dayStart(first, zone)), to: iso(dayStart(addDays(last, 1), zone)) }
}

const isDay = (text: string) => /^20\d\d-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))

function elevenMonthsBefore(day: string): string {
  const date = new Date(`${day.slice(0, 8)}01T00:00:00Z`)
  date.setUTCMonth(date.getUTCMonth() - 11)
  return date.toISOString().slice(0, 10)
}

export const lengthInDays = ({ from, to }: Span, now = Date.now()): number =>
  ((to ? Date.parse(to) : now) - Date.parse(from)) / DAY_MS

/** The API answers at most 31 days of hours; a bar of a day or month needs a few of them to compare. */
export function intervalOptions(span: Span): (readonly [Interval, string])[] {
  const days = lengthInDays(span)
  const fits = { hour: days <= 31, day: days > 1.1, month: days > 45 }
  return (['hour', 'day', 'month'] as const).filter((one) => fits[one]).map((one) => [one, INTERVAL_NAMES[one]])
}

/** The chosen interval where it fits the span, or else the usual one. */
export function fitInterval(span: Span, chosen: string): Interval {
  const options = intervalOptions(span).map(([one]) => one)
  const usual = lengthInDays(span) > 100 ? 'month' : lengthInDays(span) > 2.1 ? 'day' : 'hour'
  return options.find((one) => one === chosen) ?? options.find((one) => one === usual) ?? options[0] ?? 'day'
}

const day = new Intl.DateTimeFormat('en-US', { month: 'short', day: 'numeric', timeZone: 'UTC' })
const month = new Intl.DateTimeFormat('en-US', { month: 'short', year: 'numeric', timeZone: 'UTC' })

/** A bucket of a time series as its axis shows it. Its text is local to the series' time zone already. */
export function bucketLabel(bucket: string, interval: Interval, isOneDay: boolean): string {
  if (interval === 'month') return month.format(new Date(`${bucket}-01T00:00:00Z`))
  const date = day.format(new Date(`${bucket.slice(0, 10)}T00:00:00Z`))
  if (interval === 'day') return date
  return isOneDay ? bucket.slice(11, 16) : `${date} ${bucket.slice(11, 16)}`
}
