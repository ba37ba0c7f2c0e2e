import { toMonth } from '../../lib/period.ts'
import type { Dimension } from '../../metering/dimensions.ts'
import { type Bucket, dayStart, type Interval, listBuckets } from './buckets.ts'
import { type Filter, namedIn } from './filter.ts'
import { checkSpan, DAY_MS, HOUR_MS, invalidSpan, type Span, wholeHours } from './span.ts'

/** The bounds of a query's span: ISO 8601, or a day. */
interface Bounds {
  readonly from?: string | undefined
  readonly to?: string | undefined
}

/** The longest span of summaries and breakdowns. */
const LONGEST_DAYS = 400
/** The longest span of raw events in one query: as far back as late events are accepted. */
const LONGEST_EVENTS_DAYS = 35
/** The longest span that no single roll-up can answer, such as several filters: 2 days, with the extra hour in autumn. */
const LONGEST_FILTERED_HOURS = 49

/** The size of a time series: the maximum number of points, the longest time that one point can cover, and the usual number of points. */
const SERIES = {
  /** 31 days, and the extra hour in autumn. */
  hour: { most: 745, longestMs: HOUR_MS, usual: 24 },
  day: { most: 400, longestMs: 25 * HOUR_MS, usual: 30 },
  month: { most: 60, longestMs: 31 * DAY_MS + HOUR_MS, usual: 12 },
} as const

/** @param fallback the start of the span if the query does not say */
function parseSpan({ from, to }: Bounds, now: number, fallback: (to: number) => number, zone = 'UTC'): Span {
  const end = to === undefined ? now : parseMoment(to, zone)
  return { from: from === undefined ? fallback(end) : parseMoment(from, zone), to: end }
}

const parseMoment = (text: string, zone: string) => (text.length === 10 ? dayStart(text, zone) : Date.parse(text))

/** The whole hours of a summary or breakdown: of the current month so far, unless the query says otherwise. */
export function parseHours(bounds: Bounds, now: number): Span {
  const span = parseSpan(bounds, now, (to) => toMonth(to - 1).start)
  return wholeHours(checkSpan(span, LONGEST_DAYS))
}

/** The whole UTC days for data without an hourly roll-up: of the current month so far, unless the query says otherwise. */
export function parseDays(bounds: Bounds, now: number): Span {
  const { from, to } = parseHours(bounds, now)
  return { from: Math.floor(from / DAY_MS) * DAY_MS, to: Math.ceil(to / DAY_MS) * DAY_MS }
}

/** The span of raw events: the last 24 hours, unless the query says otherwise. */
export function parseEventSpan(bounds: Bounds, now: number): Span {
  return checkSpan(
    parseSpan(bounds, now, (to) => to - DAY_MS),
    LONGEST_EVENTS_DAYS,
  )
}

/** The whole hours of one key's breakdown: of the current month so far, unless the query says otherwise. */
export function parseHoursOfKey(bounds: Bounds, now: number): Span {
  const span = parseHours(bounds, now)
  if (span.to - span.from > LONGEST_KEY_HOURS * HOUR_MS)
    throw invalidSpan('query.from', `must be at most ${LONGEST_KEY_HOURS} hours before to for one key`)
  return span
}

/** 31 days, and the extra hour in autumn. */
const LONGEST_KEY_HOURS = 745

/** How many hours the small charts of a list of keys show. */
const USUAL_KEY_HOURS = 36

/** The whole hours of single keys: the last 36, including the current one, unless the query says otherwise. */
export function parseKeyHours(bounds: Bounds, now: number): Span {
  const span = parseSpan(bounds, now, (to) => to - (USUAL_KEY_HOURS - 1) * HOUR_MS)
  return wholeHours(checkSpan(span, LONGEST_DAYS))
}

interface Series extends Bounds {
  readonly interval: Interval
  readonly tz: string
}

/**
 * The points of a series: the last 24 hours, 30 days or 12 months, unless the query says otherwise.
 *
 * @throws Problem `invalid_request` for more points than a series may have
 */
export function parseBuckets(asked: Series, filter: Filter, now: number): Bucket[] {
  const { most, longestMs, usual } = SERIES[asked.interval]
  const span = parseSpan(asked, now, (to) => to - usual * longestMs, asked.tz)
  const tooMany = invalidSpan('query.from', `must not be more than ${most} ${asked.interval}s before to`)
  if (span.from >= span.to) throw invalidSpan('query.to', 'must be later than from')
  if (span.to - span.from > most * longestMs) throw tooMany
  const all = listBuckets(asked.interval, span, asked.tz)
  const buckets = asked.from === undefined ? all.slice(-usual) : all
  if (buckets.length > most) throw tooMany
  const isRaw = namedIn(filter).length > 1 || Object.values(filter).includes('')
  if (isRaw) checkHours({ from: Math.max(span.from, buckets[0]?.from ?? 0), to: span.to }, 'with these filters')
  return buckets
}

/** @param why the part of the query that no single roll-up can answer */
export function checkHours({ from, to }: Span, why: string): void {
  if (to - from > LONGEST_FILTERED_HOURS * HOUR_MS)
    throw invalidSpan('query.from', `must be at most ${LONGEST_FILTERED_HOURS} hours before to ${why}`)
}

type NamedFilters = Readonly<Partial<Record<Exclude<Dimension, 'key'> | 'key_id', string | undefined>>>

/** A query's filters under the names of the dimensions. */
export function parseFilter({ key_id, endpoint, model, provider, route, status, environment }: NamedFilters): Filter {
  const filter = { key: key_id, endpoint, model, provider, route, status, environment }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}
