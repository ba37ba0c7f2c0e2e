import { hoursAgo } from '../../api/moments.ts'

/** Spans of single events, in hours; the API looks at most 35 days back. */
export const EVENT_RANGES = [
  ['1h', 'Last hour'],
  ['24h', 'Last 24 hours'],
  ['7d', 'Last 7 days'],
  ['35d', 'Last 35 days'],
] as const

/** An hour less than the most, since a clock may be slow. */
const LONGEST_HOURS = 35 * 24 - 1
const HOURS: Readonly<Record<string, number>> = { '1h': 1, '24h': 24, '7d': 7 * 24, '35d': LONGEST_HOURS }

/** Where a range begins, for a query. */
export const beginning = (range: string): string => hoursAgo(HOURS[range] ?? 24)
