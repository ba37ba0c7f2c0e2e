/** A calendar month in UTC; times are Unix milliseconds, `end` is the first moment outside. */
export interface Period {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** The month that holds `at` (Unix milliseconds). */
export function monthOf(at: number): Period {
  const date = new Date(at)
  return month(date.getUTCFullYear(), date.getUTCMonth())
}

/**
 * @param name such as `2026-11`, of this millennium: in others `Date.UTC` means another year, or a time that Postgres
 * cannot read. Anything else gives `undefined`
 */
export function monthNamed(name: string): Period | undefined {
  const match = /^(2\d{3})-(0[1-9]|1[0-2])$/.exec(name)
  return match ? month(Number(match[1]), Number(match[2]) - 1) : undefined
}

function month(year: number, index: number): Period {
  const start = Date.UTC(year, index, 1)
  return { name: new Date(start).toISOString().slice(0, 7), start, end: Date.UTC(year, index + 1, 1) }
}
