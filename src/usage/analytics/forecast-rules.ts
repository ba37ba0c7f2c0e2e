const DAY_MS = 86_400_000

/** The weight of a day relative to the next one: that of an EWMA over seven days, 1 - 2 / (7 + 1). */
const DECAY = 0.75

/** Complete days that a rate is computed from. A whole week, so that it contains exactly one weekend. */
export const RATE_DAYS = 7

/** The use in a day (UTC), and the part of the day that it covers: 1, or less for the first day and today. */
export interface DayOfUse {
  readonly amount: number
  readonly part: number
}

/** The time of the first recorded use, and the use of each day. Times in Unix milliseconds. */
export interface History {
  /** `undefined` if nothing was ever used. */
  readonly firstUse: number | undefined
  /** Amounts by the start of their UTC day. An absent day has no use. */
  readonly byDay: ReadonlyMap<number, number>
}

/** The days that a rate is computed from: at most seven complete ones and today so far, oldest first. */
export function listDays({ firstUse, byDay }: History, now: number): DayOfUse[] {
  if (firstUse === undefined) return []
  const today = startOfDay(now)
  const first = Math.max(startOfDay(firstUse), today - RATE_DAYS * DAY_MS)
  return Array.from({ length: (today - first) / DAY_MS + 1 }, (_, at) => {
    const start = first + at * DAY_MS
    const seen = Math.min(start + DAY_MS, now) - Math.max(start, firstUse)
    return { amount: byDay.get(start) ?? 0, part: Math.max(0, seen) / DAY_MS }
  })
}

/** The start of the UTC day that contains a time. */
export const startOfDay = (at: number) => Math.floor(at / DAY_MS) * DAY_MS

/**
 * Use per day: a weighted mean in which each day weighs three quarters of the next, and an incomplete day weighs only
 * its part.
 *
 * @param days oldest first
 * @returns `null` for less than 24 hours in total, which is too little data for a rate
 */
export function ratePerDay(days: readonly DayOfUse[]): number | null {
  let [amount, parts, seen] = [0, 0, 0]
  for (const day of days) {
    amount = amount * DECAY + day.amount
    parts = parts * DECAY + day.part
    seen += day.part
  }
  // Parts of days are sums of fractions, so a whole day may be slightly less than 1.
  return seen > 1 - 1e-9 ? amount / parts : null
}

/**
 * The outlook of a quota: `unlimited`, already `exhausted`, `exhausts` before the period ends, or `lasts`. Without any
 * use it is `idle`, and without a rate `too_little_data`.
 */
export const OUTLOOKS = ['unlimited', 'exhausted', 'exhausts', 'lasts', 'idle', 'too_little_data'] as const

type Outlook = (typeof OUTLOOKS)[number]

interface Meter {
  readonly limit: number | null
  readonly used: number
  readonly rate: number | null
  readonly now: number
  /** The first time after the period. */
  readonly periodEnd: number
}

interface Forecast {
  readonly outlook: Outlook
  /** Unix milliseconds; now if nothing is left; `null` if no time can be given. */
  readonly exhaustedAt: number | null
  /** The projected use at the period's end at that rate; `null` without a rate. */
  readonly projected: number | null
}

/**
 * Predicts a meter until its period ends, if use continues at its rate. Everything is available again when the period
 * ends.
 */
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
