import { and, eq, sql } from 'drizzle-orm'
import { subscriptions } from '../db/schema/billing.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { listPlanProducts, listProducts, requireProvider, toOrder } from './account.ts'
import { type MoveStep, planMove } from './plan-move.ts'
import type { BillingProvider } from './providers/provider.ts'
import { type Account, getAccount, type Subscription } from './queries.ts'
import { readSelection } from './selection.ts'
import { applyAround } from './subscriptions/apply-around.ts'

interface Move {
  readonly organizationId: string
  /** The version to move to. */
  readonly planId: string
  /** When a different price takes effect. The limits change at the same time. */
  readonly when: 'now' | 'period_end'
}

const BECAUSE = 'admin.subscription_moved'

/**
 * Moves an organization's subscription to another version of its plan. If the same products sell it, only the
 * limits change, at once; otherwise Tollgate asks the provider to change the price.
 *
 * @returns `none` without a subscription that goes on
 * @throws Problem those of `planMove` and `toOrder`, and those of providers
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
  const { isSameProduct, steps } = planMove({ account, current, plan, when })
  const provider = requireProvider(deps.config, current.provider)
  const cause = { subscriptionId: current.providerSubscriptionId, because: BECAUSE }
  await applyAround(deps, provider, cause, async () => {
    await takeSteps({ deps, account, current, provider }, steps)
    if (isSameProduct) await putOnVersion(deps, current, planId)
  })
  return isSameProduct || when === 'now' ? 'moved' : 'scheduled'
}

interface Moving {
  readonly deps: ManagementDeps
  readonly account: Account
  readonly current: Subscription
  readonly provider: BillingProvider
}

async function takeSteps({ deps, account, current, provider }: Moving, steps: readonly MoveStep[]): Promise<void> {
  let before = readSelection(account, current)
  for (const [place, { wanted, when, isSeatsOnly }] of steps.entries()) {
    await provider.changePlan({
      subscriptionId: current.providerSubscriptionId,
      ...toOrder(wanted, provider.name, before),
      isSeatsOnly,
      ofPlans: listProducts(account, provider.name),
      planProducts: listPlanProducts(account, provider.name),
      when,
      idempotencyKey: `move-${deps.origin.requestId}-${current.id}-${place}`,
    })
    before = wanted
  }
}

/** The subscription's products do not change; only this row records which version sells them. */
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
