import type { Manager } from '../auth/principal.ts'
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

interface ChangeRequest {
  readonly manager: Manager
  readonly organizationId: string
}

/**
 * Changes the plan of a subscription: at once and for the rest of the period if the new plan costs as much or more;
 * with the next period if it costs less. Requesting the current plan revokes a pending change. Idempotent.
 *
 * @throws Problem `no_subscription`, `subscription_ending`, `subscription_paused`, `payment_open`,
 *   `plan_not_purchasable`, `payment_failed`, and those of providers
 */
export async function changeSubscription(
  deps: ManagementDeps,
  { manager, organizationId, plan }: ChangeRequest & { plan: string },
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
  return perform(deps, { action: 'billing.change_requested', manager, organizationId, detail }, current, () =>
    provider.changePlan({
      subscriptionId,
      product,
      meteredProducts: listMetered(wanted),
      ofPlans: listProducts(account, provider.name),
      when,
      // Unique per request, because Stripe would repeat a refused payment for a day. Changing to the same plan twice
      // costs nothing.
      idempotencyKey: `change-${deps.origin.requestId}`,
    }),
  )
}

function isDown({ plans }: Account, { planId }: Subscription, { pricePerMonthCents }: OfferedPlan): boolean {
  const now = plans.find(({ id }) => id === planId)?.pricePerMonthCents ?? 0
  return (pricePerMonthCents ?? 0) < now
}

/** Ends a subscription with its period; it stays in force until then. Idempotent. @throws Problem `no_subscription` */
export async function cancelSubscription(deps: ManagementDeps, { manager, organizationId }: ChangeRequest) {
  const { current, provider } = await open(deps, organizationId)
  if (current.cancelAtPeriodEnd) return current
  const detail = { plan: current.planId, ends: current.currentPeriodEnd?.toISOString() ?? null }
  return perform(deps, { action: 'billing.cancel_requested', manager, organizationId, detail }, current, () =>
    provider.cancelAtPeriodEnd(current.providerSubscriptionId),
  )
}

/**
 * Revokes a pending cancellation, and ends a pause. Idempotent.
 *
 * @throws Problem `no_subscription`; `payment_open` if only a payment helps, also if the provider requires one to
 *   continue
 */
export async function resumeSubscription(deps: ManagementDeps, { manager, organizationId }: ChangeRequest) {
  const { current, provider } = await open(deps, organizationId)
  const { status, cancelAtPeriodEnd } = current
  if (!cancelAtPeriodEnd && status !== 'paused') {
    if (OPEN.has(status)) throw new Problem('payment_open')
    return current
  }
  const detail = { plan: current.planId }
  const after = await perform(
    deps,
    { action: 'billing.resume_requested', manager, organizationId, detail },
    current,
    () => provider.resume(current.providerSubscriptionId),
  )
  if (after.status === 'paused') throw new Problem('payment_open')
  return after
}

/** States that only a payment can change. */
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

/** The provider's change is in force here when the request is answered; its webhook finds nothing left to do. */
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
