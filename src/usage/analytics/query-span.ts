import { monthOf } from '../../lib/period.ts'
import type { Dimension } from '../../metering/dimensions.ts'
import { type Bucket, bucketsOf, dayStart, type Interval } from './buckets.ts'
import { type Filter, namedIn } from './filter.ts'
import { checkSpan, DAY_MS, HOUR_MS, refused, type Span, wholeHours } from './span.ts'

/** What a query says of its span; ISO 8601, or a day. */
interface Bounds {
  readonly from?: string | undefined
  readonly to?: string | undefined
}

/** The longest span of summaries and breakdowns. */
const LONGEST_DAYS = 400
/** The longest that raw events are looked for in one query: as far back as late events are taken. */
const LONGEST_EVENTS_DAYS = 35
/** The longest time series with more than one filter, which no roll-up has by itself: 2 days, also in autumn. */
const LONGEST_FILTERED_HOURS = 49

/** How long a time series may be: its points, and the longest that one of them can be. */
const SERIES = {
  /** 31 days, and the hour that autumn adds. */
  hour: { most: 745, longestMs: HOUR_MS, usual: 23 * HOUR_MS },
  day: { most: 400, longestMs: 25 * HOUR_MS, usual: 29 * DAY_MS },
  month: { most: 60, longestMs: 31 * DAY_MS + HOUR_MS, usual: 335 * DAY_MS },
} as const

/** @param fallback how far back the span begins when the query does not say */
function spanOf({ from, to }: Bounds, now: number, fallback: (to: number) => number, zone = 'UTC'): Span {
  const end = to === undefined ? now : momentOf(to, zone)
  return { from: from === undefined ? fallback(end) : momentOf(from, zone), to: end }
}

const momentOf = (text: string, zone: string) => (text.length === 10 ? dayStart(text, zone) : Date.parse(text))

/** The whole hours of a summary or breakdown: of the current month so far, unless the query says otherwise. */
export function askedHours(bounds: Bounds, now: number): Span {
  const span = spanOf(bounds, now, (to) => monthOf(to - 1).start)
  return wholeHours(checkSpan(span, LONGEST_DAYS))
}

/** The span of raw events: the last 24 hours, unless the query says otherwise. */
export function askedEvents(bounds: Bounds, now: number): Span {
  return checkSpan(
    spanOf(bounds, now, (to) => to - DAY_MS),
    LONGEST_EVENTS_DAYS,
  )
}

interface Series extends Bounds {
  readonly interval: Interval
  readonly tz: string
}

/** @throws Problem `invalid_request` for more points than a series may have */
export function askedBuckets(asked: Series, filter: Filter, now: number): Bucket[] {
  const { most, longestMs, usual } = SERIES[asked.interval]
  const span = spanOf(asked, now, (to) => to - usual, asked.tz)
  const tooMany = refused('query.from', `must not be more than ${most} ${asked.interval}s before to`)
  if (span.from >= span.to) throw refused('query.to', 'must be later than from')
  if (span.to - span.from > most * longestMs) throw tooMany
  const buckets = bucketsOf(asked.interval, span, asked.tz)
  if (buckets.length > most) throw tooMany
  if (namedIn(filter).length > 1 || Object.values(filter).includes('')) checkHours(span, LONGEST_FILTERED_HOURS)
  return buckets
}

function checkHours({ from, to }: Span, hours: number): void {
  if (to - from > hours * HOUR_MS)
    throw refused('query.from', `must be at most ${hours} hours before to with these filters`)
}

type Named = Readonly<Partial<Record<Exclude<Dimension, 'key'> | 'key_id', string | undefined>>>

/** A query's filters under the names of the dimensions. */
export function askedFilter({ key_id, endpoint, model, provider, route, status, environment }: Named): Filter {
  const filter = { key: key_id, endpoint, model, provider, route, status, environment }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}
