const DAY_MS = 24 * 3_600_000
/** A charge can be made shortly before the period that it pays for begins by the provider's clock. */
const CHARGE_LEAD_MS = 3_600_000

/**
 * What a status gives. `until_end`: what was paid for, to its end. `undecided`: the first payment is not there yet, so
 * that nothing follows from it, not even that a plan ends.
 */
export const ACCESS = {
  incomplete: 'undecided',
  trialing: 'granted',
  active: 'granted',
  past_due: 'grace',
  paused: 'none',
  unpaid: 'none',
  canceled: 'until_end',
} as const satisfies Record<string, 'undecided' | 'granted' | 'grace' | 'none' | 'until_end'>

/** What of a subscription decides; absent times are null. */
export interface SubscriptionState {
  readonly status: keyof typeof ACCESS
  readonly currentPeriodStart: Date | null
  readonly currentPeriodEnd: Date | null
  readonly cancelAtPeriodEnd: boolean
  readonly pastDueSince: Date | null
  readonly endedAt: Date | null
  readonly refundedChargeAt: Date | null
}

/** At what time, and how many days a plan stays in force while its payment fails. */
export interface BillingClock {
  readonly at: number
  readonly graceDays: number
}

/** Whether it has come to its end: the one its provider tells, or the one it was cancelled to. That moment is outside. */
export function isOver(state: SubscriptionState, at: number): boolean {
  if (state.endedAt) return at >= state.endedAt.getTime()
  if (state.status === 'canceled') return at >= (state.currentPeriodEnd?.getTime() ?? at)
  return state.cancelAtPeriodEnd && state.currentPeriodEnd !== null && at >= state.currentPeriodEnd.getTime()
}

/** Whether the plan that was bought is in force. */
export function isInForce(state: SubscriptionState, { at, graceDays }: BillingClock): boolean {
  if (isOver(state, at) || isRefunded(state)) return false
  const access = ACCESS[state.status]
  if (access !== 'grace') return access === 'granted' || access === 'until_end'
  return at < (state.pastDueSince?.getTime() ?? at) + graceDays * DAY_MS
}

/** Whether the money for the current period went back; the next period's charge makes up for it. */
function isRefunded({ refundedChargeAt, currentPeriodStart }: SubscriptionState): boolean {
  if (!refundedChargeAt) return false
  return refundedChargeAt.getTime() >= (currentPeriodStart?.getTime() ?? 0) - CHARGE_LEAD_MS
}

/** Whether it has a say in its organization's plan. */
export function isEligible(state: SubscriptionState, at: number): boolean {
  return ACCESS[state.status] !== 'undecided' && !isOver(state, at)
}

interface Candidate extends SubscriptionState {
  readonly isCurrent: boolean
  readonly createdAt: Date
}

/**
 * The subscription that decides its organization's plan: one whose plan is in force before one whose is not, then the one
 * that decided before, then the newest. That there is more than one is an accident, such as two checkouts at once.
 */
export function selectCurrent<One extends Candidate>(all: readonly One[], moment: BillingClock): One | undefined {
  const rank = (one: One) => (isInForce(one, moment) ? 2 : 0) + (one.isCurrent ? 1 : 0)
  return all
    .filter((one) => isEligible(one, moment.at))
    .toSorted((a, b) => rank(b) - rank(a) || b.createdAt.getTime() - a.createdAt.getTime())[0]
}
