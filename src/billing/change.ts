import type { UserPrincipal } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import {
  listMetered,
  listProducts,
  requireCurrent,
  requireGiving,
  requirePaidPlan,
  requireProduct,
  requireProvider,
} from './account.ts'
import { callProviderAudited } from './call-provider.ts'
import type { BillingProvider } from './providers/provider.ts'
import { type Account, findSubscription, getAccount, type OfferedPlan, type Subscription } from './queries.ts'
import { applySubscription } from './subscriptions/sync.ts'

interface Wish {
  readonly user: UserPrincipal
  readonly organizationId: string
}

/**
 * Changes what is subscribed to: at once and for the rest of the period where the new plan costs as much or more, with the
 * next period where it costs less. The plan one has already takes a change back that has not happened yet. Asking for what
 * is so, or is going to be, changes nothing.
 *
 * @throws Problem `no_subscription`, `subscription_ending`, `subscription_paused`, `payment_open`, `plan_not_purchasable`, `payment_failed`, and those of providers
 */
export async function changeSubscription(
  deps: ManagementDeps,
  { user, organizationId, plan }: Wish & { plan: string },
) {
  const { account, current, provider } = await open(deps, organizationId)
  const wanted = requirePaidPlan(account, plan)
  const product = requireProduct(wanted, provider.name)
  if ((current.pendingPlanId ?? current.planId) === wanted.id) return current
  if (current.cancelAtPeriodEnd) throw new Problem('subscription_ending')
  requireGiving(current)
  const when = isDown(account, current, wanted) ? ('period_end' as const) : ('now' as const)
  const subscriptionId = current.providerSubscriptionId
  const detail = { from: current.planId, to: wanted.id, when }
  return perform(deps, { action: 'billing.change_requested', user, organizationId, detail }, current, () =>
    provider.changePlan({
      subscriptionId,
      product,
      meteredProducts: listMetered(wanted),
      ofPlans: listProducts(account, provider.name),
      when,
      // Of this request alone: Stripe would repeat a refused payment for a day. Twice the same plan costs nothing anyway.
      idempotencyKey: `change-${deps.origin.requestId}`,
    }),
  )
}

function isDown({ plans }: Account, { planId }: Subscription, { pricePerMonthCents }: OfferedPlan): boolean {
  const now = plans.find(({ id }) => id === planId)?.pricePerMonthCents ?? 0
  return (pricePerMonthCents ?? 0) < now
}

/** Ends a subscription with its period; it goes on until then. Twice is once. @throws Problem `no_subscription` */
export async function cancelSubscription(deps: ManagementDeps, { user, organizationId }: Wish) {
  const { current, provider } = await open(deps, organizationId)
  if (current.cancelAtPeriodEnd) return current
  const detail = { plan: current.planId, ends: current.currentPeriodEnd?.toISOString() ?? null }
  return perform(deps, { action: 'billing.cancel_requested', user, organizationId, detail }, current, () =>
    provider.cancelAtPeriodEnd(current.providerSubscriptionId),
  )
}

/**
 * Takes a cancellation back, before it happens, and ends a pause. Twice is once.
 *
 * @throws Problem `no_subscription`; `payment_open` where only money helps, also if the provider wants some to go on
 */
export async function resumeSubscription(deps: ManagementDeps, { user, organizationId }: Wish) {
  const { current, provider } = await open(deps, organizationId)
  const { status, cancelAtPeriodEnd } = current
  if (!cancelAtPeriodEnd && status !== 'paused') {
    if (OPEN.has(status)) throw new Problem('payment_open')
    return current
  }
  const detail = { plan: current.planId }
  const after = await perform(deps, { action: 'billing.resume_requested', user, organizationId, detail }, current, () =>
    provider.resume(current.providerSubscriptionId),
  )
  if (after.status === 'paused') throw new Problem('payment_open')
  return after
}

/** In which nothing but a payment changes anything. */
const OPEN: ReadonlySet<Subscription['status']> = new Set(['past_due', 'unpaid', 'incomplete'])

interface Open {
  readonly account: Account
  readonly current: Subscription
  readonly provider: BillingProvider
}

async function open(deps: ManagementDeps, organizationId: string): Promise<Open> {
  await enforceRateLimits(deps, { billing_organization: { account: organizationId } })
  const account = await getAccount(deps.db, organizationId)
  const current = requireCurrent(account)
  return { account, current, provider: requireProvider(deps.config, current.provider) }
}

/** What the provider did is in force here when the answer is given; its webhook finds it done. */
async function perform(
  deps: ManagementDeps,
  asked: Parameters<typeof callProviderAudited>[1],
  current: Subscription,
  work: () => Promise<object>,
): Promise<Subscription> {
  await callProviderAudited(deps, asked, work)
  const provider = requireProvider(deps.config, current.provider)
  await applySubscription(deps, provider, { subscriptionId: current.providerSubscriptionId, because: asked.action })
  return (await findSubscription(deps.db, asked.organizationId, current.id)) ?? current
}
