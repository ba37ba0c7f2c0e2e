/** The cost of a subscription change. Pure. */
import { toFamily } from '../db/plan-version.ts'
import { dateToIso } from '../lib/iso.ts'
import { type ProratedLine, prorate, toBooked, totalCents } from './plans/prices.ts'
import type { Subscription } from './queries.ts'
import type { Selection } from './selection.ts'

interface PreviewInput {
  readonly current: Subscription
  readonly now: Selection | undefined
  readonly wanted: Selection
  /** Undefined if it already has it, or will have it. */
  readonly when: 'now' | 'period_end' | undefined
  /** Unix milliseconds. */
  readonly at: number
}

/** The cost of a change, immediately and from then on, before taxes, discounts and credit. */
export function describePreview(input: PreviewInput) {
  const { current, wanted, when, at } = input
  const lines = linesNow(input)
  const end = dateToIso(current.currentPeriodEnd)
  return {
    plan: toFamily(wanted.plan.id),
    interval: wanted.price.interval,
    currency: wanted.price.currency,
    seats: wanted.seats,
    addons: Object.entries(toBooked(wanted)).map(([id, quantity]) => ({ id, quantity })),
    when: when ?? null,
    begins_at: when === 'now' ? new Date(at).toISOString() : end,
    lines: lines ?? [],
    due_now_cents: lines ? lines.reduce((sum, line) => sum + line.amount_cents, 0) : null,
    then_cents: totalCents(wanted) ?? null,
    then_at: beginsPeriod(input) ? addYear(at) : end,
  }
}

/** Only a longer interval begins at once and starts a new period. In a trial, that is when the trial ends. */
const beginsPeriod = ({ current, now, wanted, when }: PreviewInput) =>
  when === 'now' && current.status !== 'trialing' && now?.price.interval !== wanted.price.interval

const seconds = (time: number) => Math.floor(time / 1_000)

/** @returns undefined if it is unknown */
function linesNow({ current, now, wanted, when, at }: PreviewInput): ProratedLine[] | undefined {
  if (when !== 'now' || current.status === 'trialing') return []
  const { currentPeriodStart: start, currentPeriodEnd: end } = current
  if (!now || !start || !end) return undefined
  return prorate(now, wanted, { start: seconds(start.getTime()), end: seconds(end.getTime()), at: seconds(at) })
}

/** The same day of the next year, or the last day of February. */
function addYear(at: number): string {
  const next = new Date(at)
  const day = next.getUTCDate()
  next.setUTCFullYear(next.getUTCFullYear() + 1)
  if (next.getUTCDate() !== day) next.setUTCDate(0)
  return next.toISOString()
}
