import type { BillingInfo, CatalogPlan } from '../../api/types.ts'
import { isFallback, isNegotiated, type Terms } from './plan-price.ts'

/** What a plan's button does. */
export type PlanAction = 'present' | 'keep' | 'buy' | 'change' | 'cancel' | 'ask' | 'none'

/** States in which a subscription can move to another plan. */
const CHANGEABLE = new Set(['trialing', 'active', 'past_due'])

/** How the organization gets from what it has to a plan. */
export function actionFor(plan: CatalogPlan, info: BillingInfo, terms: Terms): PlanAction {
  const { subscription } = info
  const isOver = !subscription || subscription.status === 'canceled' || subscription.status === 'incomplete'
  return isOver ? actionWithout(plan, info) : actionWith(plan, subscription, terms)
}

/** Without a subscription that goes on. */
function actionWithout(plan: CatalogPlan, info: BillingInfo): PlanAction {
  if (info.plan.id === plan.id) return 'present'
  if (isNegotiated(plan)) return 'ask'
  return !isFallback(plan) && info.providers.length > 0 ? 'buy' : 'none'
}

type Subscription = NonNullable<BillingInfo['subscription']>

function actionWith(plan: CatalogPlan, subscription: Subscription, { interval }: Terms): PlanAction {
  const isPresent = subscription.plan === plan.id && subscription.interval === interval
  if (isPresent) return subscription.pending ? 'keep' : 'present'
  if (isNegotiated(plan)) return 'ask'
  if (isFallback(plan)) return subscription.cancel_at_period_end ? 'none' : 'cancel'
  const { pending } = subscription
  const isPending = pending?.plan === plan.id && pending.interval === interval
  return CHANGEABLE.has(subscription.status) && !isPending ? 'change' : 'none'
}
