import type { ManagementDeps } from '../../deps.ts'
import { log } from '../../lib/log.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { Problem } from '../../problems.ts'
import { recordBeforeLeaving } from '../overage/job.ts'
import type { BillingProvider, ProviderSubscription } from '../providers/provider.ts'
import { type Context, decide, isSubscription } from './decide.ts'
import { findPayersOrganizations, listKnown, readContexts } from './queries.ts'
import { type Cause, type Outcome, writeDecision } from './write.ts'

/** Others that write about the same organization at the same time are waited for so often. */
const MAX_ATTEMPTS = 6

/**
 * Makes what is known here of a subscription what its provider says of it now, and puts its organization on the plan that
 * follows. In whatever order, however often and however many at once it is asked for, the newest state stays: it is
 * fetched after the row was read, and written only if nobody else wrote in between.
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
  throw new Problem('unavailable', { detail: 'The subscription is being changed too often; try again.' })
}

/** @returns undefined when somebody else wrote meanwhile */
async function applyOnce(deps: ManagementDeps, provider: BillingProvider, cause: Cause): Promise<Outcome | undefined> {
  const seen = await lookAt(deps, provider, cause)
  if (!seen) return undefined
  const { context, found } = seen
  const organizationId = context.organization?.id
  if (!found) return ignore(cause, { what: 'not_found', organizationId })
  const decided = decide(context, { found, refundedChargeAt: cause.refundedChargeAt }, toMoment(deps))
  if (typeof decided === 'string') return ignore(cause, { what: decided, organizationId })
  const about = { subscription_id: decided.row.id, organization_id: organizationId }
  if (decided.isSecond) log('error', 'second_subscription', about)
  if (decided.unknownProduct !== undefined)
    log('error', 'unknown_product', { ...about, product: decided.unknownProduct })
  if (decided.planId !== undefined) await recordBeforeLeaving(deps, decided.row.organizationId)
  return writeDecision(deps, cause, context, decided)
}

/** What is known here, and what the provider says; in this order, or else what it says could be the older of the two. */
async function lookAt(deps: ManagementDeps, provider: BillingProvider, { subscriptionId, isGone = false }: Cause) {
  const [before] = await listKnown(deps.db, provider.name, [subscriptionId])
  const found = await provider.getSubscription(subscriptionId)
  const context = await readContext(deps, before?.organizationId ?? (found && (await findOrganization(deps, found))))
  const row = context.rows.find(isSubscription(provider.name, subscriptionId))
  if (row?.revision !== before?.revision) return undefined
  return { context, found: found ?? (isGone ? goneState(row, deps.now()) : undefined) }
}

/** Whom it is for, by its own word or by its customer. */
async function findOrganization(deps: ManagementDeps, found: ProviderSubscription): Promise<string | undefined> {
  const { provider, customerId, organizationId } = found
  return organizationId ?? (await findPayersOrganizations(deps.db, provider, [customerId])).get(customerId)
}

async function readContext(deps: ManagementDeps, organizationId: string | undefined): Promise<Context> {
  const read = await readContexts(deps.db, organizationId === undefined ? [] : [organizationId])
  return read(organizationId)
}

/** The time, the grace days, and an id for a subscription that is new. */
export function toMoment(deps: ManagementDeps) {
  const at = deps.now()
  return { at, graceDays: deps.config.BILLING_GRACE_DAYS, newId: uuidv7(at) }
}

type Row = Context['rows'][number]

/** What a provider would say of a subscription that went with its customer. */
function goneState(row: Row | undefined, at: number): ProviderSubscription | undefined {
  return (
    row && {
      provider: row.provider,
      id: row.providerSubscriptionId,
      customerId: row.providerCustomerId,
      organizationId: row.organizationId,
      status: 'canceled',
      items: [
        {
          product: '',
          periodStart: row.currentPeriodStart ?? undefined,
          periodEnd: row.currentPeriodEnd ?? undefined,
        },
      ],
      pendingProducts: [],
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
