import { HOUR_MS, type Span } from './span.ts'

export type Interval = 'hour' | 'day' | 'month'

/** One point of a time series: whole UTC hours, which is the resolution of the roll-ups. */
export interface Bucket extends Span {
  /** In the time zone: `2026-03-29`, `2026-03`, or for hours the time with its offset. */
  readonly name: string
}

/** The search range for a local day, around the same day in UTC: offsets range from -12 to +14 hours. */
const [EARLIEST_HOURS, LATEST_HOURS] = [-15, 13]

/**
 * The buckets of a span, in order and without gaps. A day or month contains the UTC hours that begin in it by the time
 * zone's clock, so a day has 23 or 25 of them when clocks change. If the offset is not a whole hour, an hour that
 * straddles midnight belongs to the day in which it begins. A day that a zone skipped has no bucket.
 *
 * @param zone an IANA name, known to `isTimeZone`
 */
export function listBuckets(interval: Interval, { from, to }: Span, zone: string): Bucket[] {
  const local = createClock(zone)
  if (interval === 'hour') return hours(from, to, local)
  const buckets: Bucket[] = []
  const first = local(Math.floor(from / HOUR_MS) * HOUR_MS)
  for (let step = 0; ; step++) {
    const [name, next] = [nameBucket(interval, first, step), nameBucket(interval, first, step + 1)]
    const bucket = { name, from: startOfDay(name, local), to: startOfDay(next, local) }
    if (bucket.from >= to) return buckets
    if (bucket.to > from && bucket.from < bucket.to) buckets.push(bucket)
  }
}

function hours(from: number, to: number, local: Clock): Bucket[] {
  const first = Math.floor(from / HOUR_MS)
  return Array.from({ length: Math.ceil(to / HOUR_MS) - first }, (_, at) => {
    const start = (first + at) * HOUR_MS
    return { name: withOffset(start, local(start)), from: start, to: start + HOUR_MS }
  })
}

/** The name of the day or month that is `step` after the one that contains a local time. */
function nameBucket(interval: 'day' | 'month', local: string, step: number): string {
  const [year = 0, month = 1, day = 1] = local.slice(0, 10).split('-').map(Number)
  const date = interval === 'day' ? Date.UTC(year, month - 1, day + step) : Date.UTC(year, month - 1 + step, 1)
  return new Date(date).toISOString().slice(0, interval === 'day' ? 10 : 7)
}

/** @returns the first UTC hour that begins on or after a local day (or month) */
function startOfDay(name: string, local: Clock): number {
  const utc = Date.parse(name.length === 7 ? `${name}-01` : name)
  let [low, high] = [EARLIEST_HOURS, LATEST_HOURS]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (local(utc + middle * HOUR_MS) >= name) high = middle
    else low = middle + 1
  }
  return utc + low * HOUR_MS
}

/** Converts Unix milliseconds to a zone's local time: `2026-03-29 03:00`. */
type Clock = (at: number) => string

function createClock(zone: string): Clock {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  })
  return (at) => format.format(at)
}

/** ISO 8601 with the zone's offset at that time. */
function withOffset(at: number, local: string): string {
  const minutes = (Date.parse(`${local.replace(' ', 'T')}Z`) - at) / 60_000
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  const offset = [hours, rest].map((part) => String(part).padStart(2, '0')).join(':')
  return `${local.replace(' ', 'T')}:00${minutes < 0 ? '-' : '+'}${offset}`
}

/** Whether this runtime knows the time zone. */
export function isTimeZone(name: string): boolean {
  try {
    createClock(name)
    return true
  } catch {
    return false
  }
}

/** The start of a day (`2026-03-29`) in a zone, rounded to the UTC hour like buckets. */
export const dayStart = (day: string, zone: string) => startOfDay(day, createClock(zone))
