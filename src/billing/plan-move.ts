/** What a move to another version of a plan asks of the provider. Pure. */
import { toFamily } from '../db/plan-version.ts'
import { canonicalJson } from '../lib/canonical-json.ts'
import { Problem } from '../problems.ts'
import { requireGiving } from './account.ts'
import { requireSameSeats } from './plan-change.ts'
import { selectProduct, toBooked } from './plans/prices.ts'
import type { Account, OfferedPlan, Subscription } from './queries.ts'
import { readSelection, requireSelection, type Selection } from './selection.ts'

interface Move {
  readonly account: Account
  readonly current: Subscription
  /** The version to move to. */
  readonly plan: OfferedPlan
  /** When another price begins. */
  readonly when: 'now' | 'period_end'
}

/** One change that the provider is asked for. */
export interface MoveStep {
  readonly wanted: Selection
  readonly when: 'now' | 'period_end'
  /** Only the seats change: Polar has another call for them. */
  readonly isSeatsOnly: boolean
}

interface MovePlan {
  /** What is bought stays the same: the version that sells it is kept here alone. */
  readonly isSameProduct: boolean
  /** In this order. */
  readonly steps: readonly MoveStep[]
}

/**
 * A change of the same plan that is planned for the next period goes along, with its interval, seats and add-ons. Nobody is
 * charged another price whose subscription does not go on with this plan.
 *
 * @throws Problem `subscription_ending`, `subscription_paused`, `payment_open`, `provider_unsupported`, those of
 *   `requireSelection`
 */
export function planMove({ account, current, plan, when }: Move): MovePlan {
  const { pending } = current
  const now = readSelection(account, current)
  const wanted = select(account, current, plan)
  const isSameProduct = hasSameProducts(now, wanted, current)
  const isOwn = pending !== null && toFamily(pending.plan) === toFamily(plan.id)
  const next = isOwn ? select(account, { ...pending, currency: current.currency }, plan) : undefined
  const steps = isSameProduct ? followUp(account, current, next) : listSteps({ wanted, next, when })
  if (steps.length > 0) requireGoingOn(current, plan)
  if (current.provider === 'polar') requirePolarSteps(now, steps)
  return { isSameProduct, steps }
}

/** The same interval, currency, seats and add-ons of another version, whether or not customers see it. */
function select(
  account: Account,
  { interval, currency, seats, addons }: Pick<Subscription, 'interval' | 'currency' | 'seats' | 'addons'>,
  plan: OfferedPlan,
): Selection {
  const booked = Object.entries(addons).map(([id, quantity]) => ({ id, quantity }))
  const counted = plan.seats && seats !== null ? { seats: Math.max(seats, plan.seats.included) } : {}
  const before = { planId: plan.id, interval, currency, seats, addons }
  return requireSelection(account, { interval, currency, ...counted, addons: booked }, before)
}

function hasSameProducts(before: Selection | undefined, after: Selection, { provider }: Subscription): boolean {
  const list = ({ price, addons }: Selection) =>
    [price, ...addons.map((one) => one.price)].map((one) => selectProduct(one, provider)).join(' ')
  return before !== undefined && before.seats === after.seats && list(before) === list(after)
}

/** What is bought stays, but what is planned may have another price. */
function followUp(account: Account, current: Subscription, next: Selection | undefined): MoveStep[] {
  if (!next || !current.pending) return []
  const planned = readSelection(account, { ...current, ...current.pending, planId: current.pending.plan })
  return hasSameProducts(planned, next, current) ? [] : [{ wanted: next, when: 'period_end', isSeatsOnly: false }]
}

type Choice = Pick<Move, 'when'> & { readonly wanted: Selection; readonly next: Selection | undefined }

/** A change at once ends the planned one, which is therefore planned again. */
function listSteps({ wanted, next, when }: Choice): MoveStep[] {
  if (when === 'period_end') return [{ wanted: next ?? wanted, when, isSeatsOnly: false }]
  const first: MoveStep = { wanted, when, isSeatsOnly: false }
  if (!next || isSame(wanted, next)) return [first]
  return [first, { wanted: next, when: 'period_end', isSeatsOnly: wanted.price.interval === next.price.interval }]
}

const isSame = (one: Selection, other: Selection) => canonicalJson(toTerms(one)) === canonicalJson(toTerms(other))

const toTerms = (selection: Selection) => ({
  interval: selection.price.interval,
  seats: selection.seats,
  addons: toBooked(selection),
})

function requireGoingOn(current: Subscription, { id }: OfferedPlan): void {
  const { cancelAtPeriodEnd, pauseAtPeriodEnd, pending } = current
  if (cancelAtPeriodEnd) throw new Problem('subscription_ending')
  if (pauseAtPeriodEnd) throw ending('The subscription is paused when its period ends.')
  requireGiving(current)
  if (pending && toFamily(pending.plan) !== toFamily(id))
    throw ending(`The subscription changes to the plan ${toFamily(pending.plan)} when its period ends.`)
}

const ending = (detail: string) => new Problem('subscription_ending', { detail })

/** Polar changes the product or the number of seats. */
function requirePolarSteps(now: Selection | undefined, steps: readonly MoveStep[]): void {
  let before = now
  for (const { wanted, isSeatsOnly } of steps) {
    if (before && !isSeatsOnly) requireSameSeats(before, wanted)
    before = wanted
  }
}
