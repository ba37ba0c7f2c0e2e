/** Ranges of usage, in UTC: what is asked for, and how its points are named. */
export const RANGES = [
  ['24h', 'Last 24 hours'],
  ['7d', 'Last 7 days'],
  ['30d', 'Last 30 days'],
  ['90d', 'Last 90 days'],
  ['12m', 'Last 12 months'],
] as const

type Interval = 'hour' | 'day' | 'month'
const HOUR_MS = 3_600_000
const DAYS: Readonly<Record<string, number>> = { '7d': 7, '30d': 30, '90d': 90 }

const startOfDay = (now: number) => now - (now % (24 * HOUR_MS))

const at = (ms: number) => new Date(ms).toISOString()

/** @returns the beginning, as whole hours or days, so that it stays the same from one render to the next */
export function readRange(range: string, now = Date.now()): { from: string; interval: Interval } {
  if (range === '24h') return { from: at(now - (now % HOUR_MS) - 23 * HOUR_MS), interval: 'hour' }
  if (range === '12m') {
    const today = new Date(now)
    return { from: at(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - 11)), interval: 'month' }
  }
  return { from: at(startOfDay(now) - ((DAYS[range] ?? 30) - 1) * 24 * HOUR_MS), interval: 'day' }
}

const FORMATS: Readonly<Record<Interval, Intl.DateTimeFormatOptions>> = {
  hour: { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false },
  day: { month: 'short', day: 'numeric' },
  month: { month: 'short', year: 'numeric' },
}

/** @returns a name for the point of a time series */
export const bucketName = (from: string, interval: Interval): string =>
  new Intl.DateTimeFormat('en-US', { ...FORMATS[interval], timeZone: 'UTC' }).format(new Date(from))
