const DAY_MS = 86_400_000

/** How much a day counts against the one after it: that of an EWMA over seven days, 1 - 2 / (7 + 1). */
const DECAY = 0.75

/** Complete days that a rate looks back. A whole week, so that its weekend is always in it once. */
export const DAYS_LOOKED_AT = 7

/** What was used in a day (UTC), and how much of the day there is to judge by: 1, or less for the first and for today. */
export interface DayOfUse {
  readonly amount: number
  readonly part: number
}

/** When the first use was recorded, and what each day used; times in Unix milliseconds. */
export interface History {
  /** `undefined` when nothing ever was. */
  readonly firstUse: number | undefined
  /** Amounts by the start of their UTC day; a day that is absent used nothing. */
  readonly byDay: ReadonlyMap<number, number>
}

/** The days that a rate is taken of: at most seven complete ones and today so far, oldest first. */
export function listDays({ firstUse, byDay }: History, now: number): DayOfUse[] {
  if (firstUse === undefined) return []
  const today = startOfDay(now)
  const first = Math.max(startOfDay(firstUse), today - DAYS_LOOKED_AT * DAY_MS)
  return Array.from({ length: (today - first) / DAY_MS + 1 }, (_, at) => {
    const start = first + at * DAY_MS
    const seen = Math.min(start + DAY_MS, now) - Math.max(start, firstUse)
    return { amount: byDay.get(start) ?? 0, part: Math.max(0, seen) / DAY_MS }
  })
}

/** The start of the UTC day that holds a moment. */
export const startOfDay = (at: number) => Math.floor(at / DAY_MS) * DAY_MS

/**
 * Use per day: a mean of the days' amounts in which each day counts three quarters of the next, and a day that is only
 * partly there counts for that part.
 *
 * @param days oldest first
 * @returns `null` for less than 24 hours in all: that is no rate, but a coincidence
 */
export function ratePerDay(days: readonly DayOfUse[]): number | null {
  let [amount, parts, seen] = [0, 0, 0]
  for (const day of days) {
    amount = amount * DECAY + day.amount
    parts = parts * DECAY + day.part
    seen += day.part
  }
  // Parts of days are sums of fractions: a whole day may be a hair less.
  return seen > 1 - 1e-9 ? amount / parts : null
}

/**
 * How a quota ends: `unlimited`, `exhausted` already, `exhausts` before the period does, or `lasts`. At no use at all it is
 * `idle`, and without a rate there is `too_little_data` to say.
 */
export const OUTLOOKS = ['unlimited', 'exhausted', 'exhausts', 'lasts', 'idle', 'too_little_data'] as const

type Outlook = (typeof OUTLOOKS)[number]

interface Meter {
  readonly limit: number | null
  readonly used: number
  readonly rate: number | null
  readonly now: number
  /** The first moment after the period. */
  readonly periodEnd: number
}

interface Forecast {
  readonly outlook: Outlook
  /** Unix milliseconds; now when nothing is left, and `null` when no day can be named. */
  readonly exhaustedAt: number | null
  /** Used by the period's end at that rate; `null` without one. */
  readonly projected: number | null
}

/** What becomes of a meter until its period ends, if use goes on as it was. A period's end gives everything back. */
export function forecast(meter: Meter): Forecast {
  const { used, rate, now, periodEnd } = meter
  const projected = rate === null ? null : used + (rate * Math.max(0, periodEnd - now)) / DAY_MS
  const [outlook, exhaustedAt] = predictOutlook(meter)
  return { outlook, exhaustedAt, projected }
}

function predictOutlook({ limit, used, rate, now, periodEnd }: Meter): [Outlook, number | null] {
  if (limit === null) return ['unlimited', null]
  if (used >= limit) return ['exhausted', now]
  if (rate === null) return ['too_little_data', null]
  if (rate <= 0) return ['idle', null]
  const at = now + ((limit - used) / rate) * DAY_MS
  return at < periodEnd ? ['exhausts', Math.round(at)] : ['lasts', null]
}
