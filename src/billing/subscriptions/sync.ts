import { requireFeature } from '../../config-features.ts'
import type { ManagementDeps } from '../../deps.ts'
import { log } from '../../lib/log.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { Problem } from '../../problems.ts'
import { recordBeforeLeaving } from '../overage/job.ts'
import type { BillingProvider, ProviderSubscription } from '../providers/provider.ts'
import { type Context, type Decision, decide, isSubscription, type News } from './decide.ts'
import { beganWithInterval, findPayersOrganizations, listKnown, readContexts } from './queries.ts'
import { readReversed } from './refund-queries.ts'
import { isChargeOfStart } from './rules.ts'
import { type Cause, type Outcome, writeDecision } from './write.ts'

/** How often to retry after concurrent writes to the same organization. */
const MAX_ATTEMPTS = 6

/**
 * Updates a subscription to the current state at its provider, and moves its organization to the resulting plan. The
 * newest state wins in any order, with any number of repeats and concurrent calls: it is fetched after the row was
 * read, and written only if nothing else was written in between.
 *
 * @throws Problem `billing_unavailable`, `unavailable`
 */
export async function applySubscription(
  deps: ManagementDeps,
  provider: BillingProvider,
  cause: Cause,
): Promise<Outcome> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const outcome = await applyOnce(deps, provider, cause)
    if (outcome) return outcome
  }
  throw new Problem('unavailable', { detail: 'The subscription is being changed concurrently; retry.' })
}

/** @returns undefined if something else was written meanwhile */
async function applyOnce(deps: ManagementDeps, provider: BillingProvider, cause: Cause): Promise<Outcome | undefined> {
  const seen = await fetchBoth(deps, provider, cause)
  if (!seen) return undefined
  const { context, found } = seen
  const organizationId = context.organization?.id
  if (!found) return ignore(cause, { what: 'not_found', organizationId })
  const refund = cause.refund && {
    ...cause.refund,
    reversed: await readReversed(deps.db, provider.name, cause.refund),
  }
  const decided = await decideWithRefund(deps, context, { found, refund, chosenPlanId: cause.chosenPlanId })
  if (typeof decided === 'string') return ignore(cause, { what: decided, organizationId })
  const about = { subscription_id: decided.row.id, organization_id: organizationId }
  if (decided.isSecond) log('error', 'second_subscription', about)
  if (decided.unknownProduct !== undefined)
    log('error', 'unknown_product', { ...about, product: decided.unknownProduct })
  if (changesCharges(decided))
    await recordBeforeLeaving(deps, decided.row.organizationId, endOfTerms(decided, deps.now()))
  return writeDecision(deps, { ...cause, refund }, context, decided)
}

/** Whether what the organization may use without a charge changes: also with an add-on, or if it was on the plan before it paid. */
const changesCharges = ({ planId, booking, row, known }: Decision) =>
  planId !== undefined || booking !== undefined || (row.isCurrent && !known?.isCurrent)

/** What begins with a paid period is told of a little later: the terms until then have no part in a usage period that began with it. */
function endOfTerms({ known, row: { currentPeriodStart: start } }: Decision, now: number): number {
  const isNewPeriod = known?.isCurrent && start !== null && start.getTime() !== known.currentPeriodStart?.getTime()
  return isNewPeriod ? Math.min(now, start.getTime() - 1) : now
}

/**
 * A change that begins a period, such as one to a yearly interval, is charged whole: its refund is that of the period. The
 * charge alone does not tell, because a change within the first hour of a period is charged in the same hour.
 */
async function decideWithRefund(deps: ManagementDeps, context: Context, news: News) {
  const clock = toBillingClock(deps)
  const { found, refund } = news
  if (refund?.paidFor !== 'change') return decide(context, news, clock)
  const decided = decide(context, { found }, clock)
  if (typeof decided === 'string' || !refund.chargedAt || !isChargeOfStart(decided.row, refund.chargedAt))
    return decided
  const isStart = beginsInterval(decided) || (await beganWithInterval(deps.db, decided.row))
  return isStart ? decide(context, news, clock) : decided
}

/** Whether the change is only now seen. */
const beginsInterval = ({ known, changed }: Decision) =>
  known !== undefined && changed.includes('interval') && changed.includes('currentPeriodStart')

/** Reads the row first, then the provider's state; otherwise the provider's state could be the older of the two. */
async function fetchBoth(deps: ManagementDeps, provider: BillingProvider, { subscriptionId, isGone = false }: Cause) {
  const [before] = await listKnown(deps.db, provider.name, [subscriptionId])
  const found = await provider.getSubscription(subscriptionId)
  const context = await readContext(deps, before?.organizationId ?? (found && (await findOrganization(deps, found))))
  const row = context.rows.find(isSubscription(provider.name, subscriptionId))
  if (row?.revision !== before?.revision) return undefined
  return { context, found: found ?? (isGone ? endedState(row, deps.now()) : undefined) }
}

/** Finds its organization by its own metadata or by its customer. */
async function findOrganization(deps: ManagementDeps, found: ProviderSubscription): Promise<string | undefined> {
  const { provider, customerId, organizationId } = found
  return organizationId ?? (await findPayersOrganizations(deps.db, provider, [customerId])).get(customerId)
}

async function readContext(deps: ManagementDeps, organizationId: string | undefined): Promise<Context> {
  const read = await readContexts(deps.db, organizationId === undefined ? [] : [organizationId])
  return read(organizationId)
}

/**
 * The time, the grace days, and an id for a new subscription.
 *
 * @throws Problem `misconfigured` if a setting of subscriptions is wrong: a guess would end plans, or move usage periods
 */
export function toBillingClock(deps: ManagementDeps) {
  requireFeature(deps.config, 'subscriptions')
  const at = deps.now()
  return { at, graceDays: deps.config.BILLING_GRACE_DAYS, newId: uuidv7(at) }
}

type Row = Context['rows'][number]

/** The state that a provider would report of a subscription that was deleted with its customer. */
function endedState(row: Row | undefined, at: number): ProviderSubscription | undefined {
  return (
    row && {
      provider: row.provider,
      id: row.providerSubscriptionId,
      customerId: row.providerCustomerId,
      organizationId: row.organizationId,
      status: row.status === 'incomplete' ? 'incomplete' : 'canceled',
      items: [
        {
          product: '',
          periodStart: row.currentPeriodStart ?? undefined,
          periodEnd: row.currentPeriodEnd ?? undefined,
        },
      ],
      pendingItems: [],
      cancelAtPeriodEnd: row.cancelAtPeriodEnd,
      trialEnd: row.trialEnd ?? undefined,
      pastDueSince: undefined,
      endedAt: row.endedAt ?? new Date(at),
      updatedAt: undefined,
    }
  )
}

/** Not an error: the provider account may sell products that Tollgate does not manage. */
async function ignore(cause: Cause, outcome: Outcome): Promise<Outcome> {
  log('warn', 'subscription_ignored', { subscription_id: cause.subscriptionId, reason: outcome.what })
  await cause.alsoWrite?.(outcome)
  return outcome
}
