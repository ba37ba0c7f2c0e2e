/**
 * A calendar month in UTC, or a month counted from an anchor. Times are Unix milliseconds; `end` is the first one
 * outside. A calendar month is named `2026-11`, a period that begins on another day `2026-11-15`.
 */
export interface Period {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** The month that contains `at` (Unix milliseconds). */
export function toMonth(at: number): Period {
  const date = new Date(at)
  return month(date.getUTCFullYear(), date.getUTCMonth())
}

/**
 * The usage period that contains `at`. With an anchor, periods begin at its time of day on its day of each month, or on
 * the last day of a month that is too short. Each is computed from the anchor itself, so that the 31st returns after
 * February. Time before the anchor has calendar months, the last of them cut short. Equal to the SQL function
 * `usage_period_start`.
 */
export function toPeriod(anchor: number | undefined, at: number): Period {
  if (anchor === undefined || at < anchor) {
    const calendar = toMonth(at)
    return anchor === undefined ? calendar : { ...calendar, end: Math.min(calendar.end, anchor) }
  }
  const passed = monthsBetween(anchor, at)
  const months = monthsAfter(anchor, passed) > at ? passed - 1 : passed
  const start = monthsAfter(anchor, months)
  return { name: periodNamed(start), start, end: monthsAfter(anchor, months + 1) }
}

function monthsBetween(anchor: number, at: number): number {
  const [from, to] = [new Date(anchor), new Date(at)]
  return (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth()
}

function monthsAfter(anchor: number, months: number): number {
  const date = new Date(anchor)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + months]
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  const timeOfDay = anchor - Date.UTC(year, date.getUTCMonth(), date.getUTCDate())
  return Date.UTC(year, month, Math.min(date.getUTCDate(), lastDay)) + timeOfDay
}

/** @returns the name of the period that begins at that time */
export function periodNamed(start: number): string {
  const day = new Date(start).toISOString()
  return start === toMonth(start).start ? day.slice(0, 7) : day.slice(0, 10)
}

/**
 * Finds what an earlier period of that name is now: an anchor that was set or moved since may have cut it short.
 *
 * @param name in the form of {@link periodNamed}
 * @returns `undefined` for a day or month that does not exist
 */
export function resolvePeriod(anchor: number | undefined, name: string): Period | undefined {
  const at = Date.parse(name.length === 7 ? `${name}-01T00:00:00Z` : `${name}T23:59:59.999Z`)
  return Number.isNaN(at) ? undefined : toPeriod(anchor, at)
}

/**
 * @param name such as `2026-11`, of this millennium: in others `Date.UTC` means another year, or a time that Postgres
 *   cannot read. Anything else returns `undefined`
 */
export function monthNamed(name: string): Period | undefined {
  const match = /^(2\d{3})-(0[1-9]|1[0-2])$/.exec(name)
  return match ? month(Number(match[1]), Number(match[2]) - 1) : undefined
}

function month(year: number, index: number): Period {
  const start = Date.UTC(year, index, 1)
  return { name: new Date(start).toISOString().slice(0, 7), start, end: Date.UTC(year, index + 1, 1) }
}
