import { toMonth } from '../lib/period.ts'

/** Hourly sums are kept for this many whole months plus the current one. Older sums are by the UTC day. */
const HOURLY_MONTHS = 13

/** The first time whose sums are kept by the hour. @param now Unix milliseconds */
export function hoursKeptFrom(now: number): number {
  const date = new Date(toMonth(now).start)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - HOURLY_MONTHS, 1)
}
