import type { BillingInfo, CataloguePlan } from '../../api/types.ts'

/** What a plan's button does. */
export type PlanAction = 'present' | 'keep' | 'buy' | 'upgrade' | 'downgrade' | 'cancel' | 'ask' | 'none'

/** States in which a subscription can move to another plan. */
const CHANGEABLE = new Set(['trialing', 'active', 'past_due'])

/** How the organization gets from what it has to a plan. */
export function actionFor(plan: CataloguePlan, info: BillingInfo): PlanAction {
  const { subscription } = info
  const isOver = !subscription || subscription.status === 'canceled' || subscription.status === 'incomplete'
  return isOver ? actionWithout(plan, info) : actionWith(plan, info, subscription)
}

/** Without a subscription that goes on. */
function actionWithout({ id, price_per_month_cents: cents }: CataloguePlan, info: BillingInfo): PlanAction {
  if (info.plan.id === id) return 'present'
  if (cents === null) return 'ask'
  return cents > 0 && info.providers.length > 0 ? 'buy' : 'none'
}

type Subscription = NonNullable<BillingInfo['subscription']>

function actionWith(
  { id, price_per_month_cents: cents }: CataloguePlan,
  info: BillingInfo,
  subscription: Subscription,
): PlanAction {
  if (subscription.plan === id) return subscription.pending_plan ? 'keep' : 'present'
  if (cents === null) return 'ask'
  if (cents === 0) return subscription.cancel_at_period_end ? 'none' : 'cancel'
  if (!CHANGEABLE.has(subscription.status) || subscription.pending_plan === id) return 'none'
  return cents >= (info.plan.price_per_month_cents ?? 0) ? 'upgrade' : 'downgrade'
}
