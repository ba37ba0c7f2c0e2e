import type { Manager } from '../auth/principal.ts'
import { toFamily } from '../db/plan-version.ts'
import type { ManagementDeps } from '../deps.ts'
import { canonicalJson } from '../lib/canonical-json.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { listPlanProducts, listProducts, requireCurrent, requireGiving, requireProvider } from './account.ts'
import { callProviderAudited } from './call-provider.ts'
import { fetchProviderState } from './fetch-provider-state.ts'
import { planChange } from './plan-change.ts'
import { type Paid, toBooked, totalCents } from './plans/prices.ts'
import { describePreview } from './preview.ts'
import type { BillingProvider } from './providers/provider.ts'
import { type Account, findSubscription, getAccount, type Subscription } from './queries.ts'
import { isSelected, readSelection, requireNext, type Selection } from './selection.ts'
import { applyAround } from './subscriptions/apply-around.ts'
import type { Cause } from './subscriptions/write.ts'

type Choice = Parameters<typeof requireNext>[1]

interface ChangeRequest {
  readonly manager: Manager
  readonly organizationId: string
}

/**
 * Changes what a subscription buys: its plan, interval, seats and add-ons. A change to something that is paid for at least as
 * long and costs at least as much takes effect at once, prorated; any other change takes effect with the next period. Requesting
 * the current selection withdraws a pending change. Idempotent.
 *
 * @throws Problem `no_subscription`, `subscription_ending`, `subscription_paused`, `payment_open`, `payment_failed`, those
 *   of `requireNext` and `toOrder`, and those of providers
 */
export async function changeSubscription(
  deps: ManagementDeps,
  { manager, organizationId, choice }: ChangeRequest & { choice: Choice },
) {
  const { account, current, provider } = await open(deps, organizationId)
  const wanted = requireNext(account, choice, current)
  const paid = await findPaid(deps, account, current)
  const { now, when, order, isSeatsOnly } = planChange({ account, current, wanted, paid })
  if (isSelected(current, wanted)) return current
  if (current.cancelAtPeriodEnd) throw new Problem('subscription_ending')
  requireGiving(current)
  const detail = {
    from: toFamily(current.planId),
    to: toFamily(wanted.plan.id),
    when,
    ...describeTerms(now, wanted),
  }
  const chosenPlanId = wanted.plan.id
  const asked = { action: 'billing.change_requested', manager, organizationId, detail } as const
  return perform(deps, { ...asked, chosenPlanId }, current, () =>
    provider.changePlan({
      subscriptionId: current.providerSubscriptionId,
      ...order,
      isSeatsOnly,
      ofPlans: listProducts(account, provider.name),
      planProducts: listPlanProducts(account, provider.name),
      when,
      // Unique per request, because Stripe would repeat a refused payment for a day. Changing to the same plan twice
      // costs nothing.
      idempotencyKey: `change-${deps.origin.requestId}`,
    }),
  )
}

/** What the subscription pays: by the prices of its plan, or by its provider if one of them is negotiated or no longer there. */
async function findPaid(deps: ManagementDeps, account: Account, current: Subscription): Promise<Paid> {
  const { interval, currency } = current
  const now = readSelection(account, current)
  const listed = now && totalCents(now)
  if (listed !== undefined) return { interval, cents: listed }
  const [, found] = await fetchProviderState(deps, current)
  return { interval, cents: found?.nextCharge?.currency === currency ? found.nextCharge.amount : undefined }
}

/** Which of the interval, seats and add-ons change, for the audit log. */
function describeTerms(now: Selection | undefined, wanted: Selection) {
  const terms = ({ price, seats, addons }: Selection) => ({
    interval: price.interval,
    seats,
    addons: toBooked({ ...wanted, addons }),
  })
  const [before, after] = [now && terms(now), terms(wanted)]
  return canonicalJson(before) === canonicalJson(after) ? {} : { terms: after }
}

/** Returns the cost and start of a change, without making it. @throws as `changeSubscription` */
export async function previewChange(deps: ManagementDeps, organizationId: string, choice: Choice) {
  const { account, current } = await open(deps, organizationId)
  const wanted = requireNext(account, choice, current)
  const paid = await findPaid(deps, account, current)
  const { now, when } = planChange({ account, current, wanted, paid })
  if (current.cancelAtPeriodEnd) throw new Problem('subscription_ending')
  requireGiving(current)
  return describePreview({ current, now, wanted, when: isSelected(current, wanted) ? undefined : when, at: deps.now() })
}

/** Ends a subscription with its period; it stays active until then. Idempotent. @throws Problem `no_subscription` */
export async function cancelSubscription(deps: ManagementDeps, { manager, organizationId }: ChangeRequest) {
  const { current, provider } = await open(deps, organizationId)
  if (current.cancelAtPeriodEnd) return current
  const detail = { plan: current.planId, ends: current.currentPeriodEnd?.toISOString() ?? null }
  return perform(deps, { action: 'billing.cancel_requested', manager, organizationId, detail }, current, () =>
    provider.cancelAtPeriodEnd(current.providerSubscriptionId),
  )
}

/**
 * Revokes a pending cancellation or a planned pause, and ends a pause. Idempotent.
 *
 * @throws Problem `no_subscription`; `payment_open` if only a payment helps, also if the provider requires one to
 *   continue; `billing_rejected` if the provider did not revoke the planned pause
 */
export async function resumeSubscription(deps: ManagementDeps, { manager, organizationId }: ChangeRequest) {
  const { current, provider } = await open(deps, organizationId)
  const { status, cancelAtPeriodEnd, pauseAtPeriodEnd } = current
  if (!cancelAtPeriodEnd && !pauseAtPeriodEnd && status !== 'paused') {
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
  if (after.pauseAtPeriodEnd) throw new Problem('billing_rejected') // the provider answered, but without effect
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

/** The provider's change is already applied here when the response is sent; its webhook finds nothing left to do. */
async function perform(
  deps: ManagementDeps,
  { chosenPlanId, ...asked }: Parameters<typeof callProviderAudited>[1] & Pick<Cause, 'chosenPlanId'>,
  current: Subscription,
  work: () => Promise<object>,
): Promise<Subscription> {
  const provider = requireProvider(deps.config, current.provider)
  const cause = { subscriptionId: current.providerSubscriptionId, because: asked.action, chosenPlanId }
  await applyAround(deps, provider, cause, () => callProviderAudited(deps, asked, work))
  return (await findSubscription(deps.db, asked.organizationId, current.id)) ?? current
}
