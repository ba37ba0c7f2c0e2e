/** When a change begins, the request for its provider, and its immediate cost. Pure. */
import { Problem } from '../problems.ts'
import { toOrder } from './account.ts'
import { isDown, type Paid, sellsSeats } from './plans/prices.ts'
import type { Account, Subscription } from './queries.ts'
import { isSelected, readSelection, type Selection } from './selection.ts'

interface Change {
  readonly account: Account
  readonly current: Subscription
  readonly wanted: Selection
}

/**
 * In a trial everything begins at once, because nothing is paid yet.
 *
 * @throws Problem `plan_not_purchasable`; `provider_unsupported` for changes that Polar does not support
 */
export function planChange({ account, current, wanted, paid }: Change & { readonly paid: Paid }) {
  const now = readSelection(account, current)
  const order = toOrder(wanted, current.provider, now)
  const isSeatsOnly = current.provider === 'polar' && requirePolarChange({ current, now, wanted })
  const isKept = isSelected({ ...current, pending: null }, wanted)
  const isLater = current.status !== 'trialing' && !isKept && isDown(paid, wanted)
  return { now, order, isSeatsOnly, when: isLater ? ('period_end' as const) : ('now' as const) }
}

const unsupported = (detail: string) => new Problem('provider_unsupported', { detail })

type PolarChange = Omit<Change, 'account'> & { readonly now: Selection | undefined }

/**
 * Polar changes the product or the number of seats, and nothing in a trial.
 *
 * @returns whether only the seats change
 */
function requirePolarChange({ current, now, wanted }: PolarChange): boolean {
  const isSame = now?.plan.id === wanted.plan.id && now.price.interval === wanted.price.interval
  const isSeats = isSame && now.seats !== wanted.seats
  if (isSeats || !isSame) requireNoOther(current, isSeats)
  if (now && !isSame) requireSameSeats(now, wanted)
  return isSame && (isSeats || isSeatsPending(current))
}

function requireNoOther(current: Subscription, isSeats: boolean): void {
  if (current.status === 'trialing')
    throw unsupported('Polar changes no subscription during its trial. Change it when the trial has ended.')
  if (current.pending && isSeatsPending(current) !== isSeats)
    throw unsupported('Polar has another change of this subscription for its next period. Take that one back first.')
}

/** @throws Problem `provider_unsupported` for another product with other seats, at Polar */
export function requireSameSeats(now: Selection, wanted: Selection): void {
  const had = sellsSeats(now.plan, now.price)
  if (had !== sellsSeats(wanted.plan, wanted.price))
    throw unsupported(
      'Polar moves no subscription between a plan with seats and one without. Cancel it, and buy the other plan.',
    )
  if (had && now.seats !== wanted.seats)
    throw unsupported('Polar changes the plan or the number of seats, not both at once. Change one after the other.')
}

const isSeatsPending = ({ pending, planId, interval, seats }: Subscription) =>
  pending?.plan === planId && pending.interval === interval && pending.seats !== seats
