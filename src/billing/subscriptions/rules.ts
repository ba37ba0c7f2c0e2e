const DAY_MS = 24 * 3_600_000
/** By the provider's clock, a charge can precede the start of its period slightly. */
const CHARGE_LEAD_MS = 3_600_000

/**
 * The effect of each status. `until_end`: in force to the end of the paid period. `undecided`: the first payment is
 * open, so nothing follows from it, not even that a plan ends.
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

/** The deciding fields of a subscription; absent times are null. */
export interface SubscriptionState {
  readonly status: keyof typeof ACCESS
  readonly currentPeriodStart: Date | null
  readonly currentPeriodEnd: Date | null
  readonly cancelAtPeriodEnd: boolean
  readonly trialEnd: Date | null
  readonly pastDueSince: Date | null
  readonly endedAt: Date | null
  readonly refundedChargeAt: Date | null
}

/** The time, and how many days a plan stays in force while its payment fails. */
export interface BillingClock {
  readonly at: number
  readonly graceDays: number
}

/** Whether it has ended: at the provider's end, or at the end it was canceled to. The end is exclusive. */
export function isOver(state: SubscriptionState, at: number): boolean {
  if (state.endedAt) return at >= state.endedAt.getTime()
  if (state.status === 'canceled') return at >= (state.currentPeriodEnd?.getTime() ?? at)
  return state.cancelAtPeriodEnd && state.currentPeriodEnd !== null && at >= state.currentPeriodEnd.getTime()
}

/** Whether the bought plan is in force. */
export function isInForce(state: SubscriptionState, { at, graceDays }: BillingClock): boolean {
  if (isOver(state, at) || isRefunded(state)) return false
  const access = ACCESS[state.status]
  if (access !== 'grace') return access === 'granted' || access === 'until_end'
  return at < (state.pastDueSince?.getTime() ?? at) + graceDays * DAY_MS
}

/** Whether a charge was made when the current period began. */
export function isChargeOfStart(
  { currentPeriodStart }: Pick<SubscriptionState, 'currentPeriodStart'>,
  chargedAt: Date,
): boolean {
  return currentPeriodStart !== null && Math.abs(chargedAt.getTime() - currentPeriodStart.getTime()) <= CHARGE_LEAD_MS
}

/** Whether the charge of the current period was refunded. The next period's charge makes up for it. */
function isRefunded({ refundedChargeAt, currentPeriodStart }: SubscriptionState): boolean {
  if (!refundedChargeAt) return false
  return refundedChargeAt.getTime() >= (currentPeriodStart?.getTime() ?? 0) - CHARGE_LEAD_MS
}

/** Whether the current period is a trial, which nobody pays for. The first paid period begins when the trial ends. */
export function isTrial({ trialEnd, currentPeriodStart }: Pick<SubscriptionState, 'trialEnd' | 'currentPeriodStart'>) {
  return trialEnd !== null && currentPeriodStart !== null && currentPeriodStart < trialEnd
}

/**
 * Whether nobody paid for its current period: the charge was refunded or failed, or it was a trial. A provider may end a
 * subscription whose payments fail, so what was known before counts as well. A paused one was paid for, except in its trial.
 */
export function isUnpaid(
  state: SubscriptionState,
  before: Pick<SubscriptionState, 'status'> | undefined,
  { at, graceDays }: BillingClock,
): boolean {
  if (isRefunded(state) || state.status === 'unpaid') return true
  if (isTrial(state)) return !isInForce(state, { at, graceDays })
  if (ACCESS[state.status] === 'grace') return !isInForce(state, { at, graceDays })
  return state.status === 'canceled' && before !== undefined && FAILING.has(before.status)
}

/** States in which a payment has failed. */
const FAILING: ReadonlySet<SubscriptionState['status']> = new Set(['past_due', 'unpaid'])

/** Whether it may decide its organization's plan. */
export function isEligible(state: SubscriptionState, at: number): boolean {
  return ACCESS[state.status] !== 'undecided' && !isOver(state, at)
}

interface Candidate extends SubscriptionState {
  readonly isCurrent: boolean
  readonly createdAt: Date
}

/**
 * The subscription that decides its organization's plan: first one whose plan is in force, then the one that decided
 * before, then the newest. More than one is an accident, such as two concurrent checkouts.
 */
export function selectCurrent<One extends Candidate>(all: readonly One[], clock: BillingClock): One | undefined {
  const rank = (one: One) => (isInForce(one, clock) ? 2 : 0) + (one.isCurrent ? 1 : 0)
  return all
    .filter((one) => isEligible(one, clock.at))
    .toSorted((a, b) => rank(b) - rank(a) || b.createdAt.getTime() - a.createdAt.getTime())[0]
}
