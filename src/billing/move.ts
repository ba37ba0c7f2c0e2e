import { and, eq, sql } from 'drizzle-orm'
import { subscriptions } from '../db/schema/billing.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { listProducts, requireProvider, toOrder } from './account.ts'
import { selectProduct } from './plans/prices.ts'
import { type Account, getAccount, type OfferedPlan, type Subscription } from './queries.ts'
import { readSelection, requireSelection, type Selection } from './selection.ts'
import { applySubscription } from './subscriptions/sync.ts'

interface Move {
  readonly organizationId: string
  /** The version to move to. */
  readonly planId: string
  /** When another price begins. The limits go with it. */
  readonly when: 'now' | 'period_end'
}

const BECAUSE = 'admin.subscription_moved'

/**
 * Moves an organization's subscription to another version of its plan. If that is sold by the same products, only the
 * limits are others, and hold at once; else the provider is asked to change the price.
 *
 * @returns `none` without a subscription that goes on
 * @throws Problem those of `requireSelection` and `toOrder`, and those of providers
 */
export async function moveSubscription(
  deps: ManagementDeps,
  { organizationId, planId, when }: Move,
): Promise<'moved' | 'scheduled' | 'none'> {
  const account = await getAccount(deps.db, organizationId)
  const { current } = account
  if (!current || current.endedAt) return 'none'
  const plan = account.plans.find(({ id }) => id === planId)
  if (!plan) throw new Problem('plan_not_found')
  const wanted = selectSame(account, current, plan)
  const provider = requireProvider(deps.config, current.provider)
  const subscriptionId = current.providerSubscriptionId
  const isSameProduct = hasSameProducts(readSelection(account, current), wanted, current)
  if (isSameProduct) await putOnVersion(deps, current, planId)
  else
    await provider.changePlan({
      subscriptionId,
      ...toOrder(wanted, provider.name, readSelection(account, current)),
      ofPlans: listProducts(account, provider.name),
      when,
      idempotencyKey: `move-${deps.origin.requestId}-${current.id}`,
    })
  await applySubscription(deps, provider, { subscriptionId, because: BECAUSE })
  return isSameProduct || when === 'now' ? 'moved' : 'scheduled'
}

/** The same interval, currency, seats and add-ons of another version, whether or not customers see it. */
function selectSame(account: Account, current: Subscription, plan: OfferedPlan): Selection {
  const terms = { interval: current.interval, currency: current.currency }
  const addons = Object.entries(current.addons).map(([id, quantity]) => ({ id, quantity }))
  const seats = plan.seats && current.seats !== null ? { seats: Math.max(current.seats, plan.seats.included) } : {}
  return requireSelection(account, { ...terms, ...seats, addons }, { ...current, planId: plan.id })
}

function hasSameProducts(before: Selection | undefined, after: Selection, { provider }: Subscription): boolean {
  const list = ({ price, addons }: Selection) =>
    [price, ...addons.map((one) => one.price)].map((one) => selectProduct(one, provider)).join(' ')
  return before !== undefined && before.seats === after.seats && list(before) === list(after)
}

/** What the subscription buys is the same; which version sells it is kept here alone. */
async function putOnVersion({ db }: ManagementDeps, { id, organizationId, revision }: Subscription, planId: string) {
  const isSame = and(
    eq(subscriptions.id, id),
    eq(subscriptions.organizationId, organizationId),
    eq(subscriptions.revision, revision),
  )
  const rows = await db
    .update(subscriptions)
    .set({ planId, revision: sql`${subscriptions.revision} + 1` })
    .where(isSame)
    .returning({ id: subscriptions.id })
  if (rows.length === 0) throw new Problem('unavailable', { detail: 'The subscription is being changed; retry.' })
}
