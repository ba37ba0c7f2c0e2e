import { toMonth } from '../lib/period.ts'

/** Sums by the hour are kept for so many whole months and the present one. Older ones are by the UTC day. */
const HOURLY_MONTHS = 13

/** The first moment whose sums are kept by the hour. @param now Unix milliseconds */
export function hoursKeptFrom(now: number): number {
  const date = new Date(toMonth(now).start)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - HOURLY_MONTHS, 1)
}
