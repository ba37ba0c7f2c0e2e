import type { ManagementDeps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { listUnpaid, type UnpaidInvoice } from '../overage/invoices.ts'
import { configuredProviders } from '../providers/configured.ts'
import type { BillingProvider, ProviderName, ProviderSubscription } from '../providers/provider.ts'
import { type Context, type Decision, decide, type Ignored } from '../subscriptions/decide.ts'
import { findPayersOrganizations, listKnown, listLiving, readContexts } from '../subscriptions/queries.ts'
import { toBillingClock } from '../subscriptions/sync.ts'
import { MAX_PAGES, noteNotWhole } from './progress.ts'

/** Subscriptions on a page of either provider. */
export const PAGE_SUBSCRIPTIONS = 100
/**
 * How the provider and the database differ. `missing_here`: the subscription is unknown here; `differs`: see `fields`;
 * `plan`: the organization is on another plan than it should be; `second`: paid for, while another one decides;
 * `missing_there`: the provider does not list it; `overage_unpaid`: an invoice that contains only overage was not paid;
 * `unreadable`: its shape is unknown; the others name what is unknown.
 */
type DriftKind =
  | 'missing_here'
  | 'differs'
  | 'plan'
  | 'second'
  | 'missing_there'
  | 'overage_unpaid'
  | 'unreadable'
  | Ignored

export interface Drift {
  readonly provider: ProviderName
  readonly kind: DriftKind
  /** The provider's id of the subscription; for `overage_unpaid`, of the invoice. */
  readonly subscriptionId: string
  readonly organizationId: string | undefined
  /** The fields that differ here. */
  readonly fields: readonly string[]
  readonly here: { readonly status: string; readonly plan: string } | undefined
  readonly there: { readonly status: string; readonly product: string } | undefined
  /** Whether checking the subscription again repairs it. If not, a person must. */
  readonly isRepairable: boolean
}

interface Found {
  readonly compared: number
  readonly drifts: readonly Drift[]
}

interface AllFound extends Found {
  /** Whether all subscriptions of every provider were compared. */
  readonly isWhole: boolean
}

interface Part extends Found {
  /** The page at which the next run continues; undefined if this one reached the end of the list. */
  readonly next: string | undefined
}

/** Finds the differences between the configured providers and the database. @throws Problem `billing_unavailable` */
export async function findAllDrift(deps: ManagementDeps): Promise<AllFound> {
  const all: Part[] = []
  for (const provider of configuredProviders(deps.config)) {
    const found = await findDrift(deps, provider)
    if (found.next !== undefined) noteNotWhole({ provider, list: 'subscriptions' })
    all.push(found)
  }
  return {
    compared: all.reduce((sum, { compared }) => sum + compared, 0),
    isWhole: all.every(({ next }) => next === undefined),
    drifts: all.flatMap(({ drifts }) => drifts),
  }
}

/**
 * The same for one provider: runs every subscription through the same decision as a webhook, without writing. Finds
 * `missing_there` only if one run reads the whole list.
 *
 * @param from the page at which to continue; absent for the beginning
 */
export async function findDrift(deps: ManagementDeps, provider: BillingProvider, from?: string): Promise<Part> {
  // before the provider is called, so that a subscription that begins meanwhile is not drift
  const living = await listLiving(deps.db, provider.name)
  const drifts: Drift[] = []
  const listed = new Set<string>()
  let cursor = from
  for (let page = 0; page < MAX_PAGES; page++) {
    const { subscriptions, unreadable, next } = await provider.listSubscriptions(cursor)
    for (const id of [...subscriptions.map((one) => one.id), ...unreadable]) listed.add(id)
    drifts.push(...unreadable.map((id) => toUnreadable(provider.name, id)))
    drifts.push(...(await describeDrift(deps, provider.name, subscriptions)))
    cursor = next
    if (next === undefined) break
  }
  const isWhole = from === undefined && cursor === undefined
  const missing = isWhole ? living.filter((one) => !listed.has(one.providerSubscriptionId)) : []
  const unpaid = await listUnpaid(deps, provider.name)
  const all = [
    ...drifts,
    ...missing.map((one) => missingThere(provider.name, one)),
    ...unpaid.map((one) => overageUnpaid(provider.name, one)),
  ]
  return { compared: listed.size, drifts: all, next: cursor }
}

async function describeDrift(
  deps: ManagementDeps,
  provider: ProviderName,
  subscriptions: readonly ProviderSubscription[],
): Promise<Drift[]> {
  const ids = subscriptions.map(({ id }) => id)
  const known = new Map(
    (await listKnown(deps.db, provider, ids)).map((one) => [one.providerSubscriptionId, one.organizationId]),
  )
  const strangers = subscriptions.filter((one) => !known.has(one.id) && one.organizationId === undefined)
  const payers = await findPayersOrganizations(
    deps.db,
    provider,
    strangers.map(({ customerId }) => customerId),
  )
  const findOrganization = (one: ProviderSubscription) =>
    known.get(one.id) ?? one.organizationId ?? payers.get(one.customerId)
  const readContext = await readContexts(
    deps.db,
    subscriptions.flatMap((one) => findOrganization(one) ?? []),
  )
  return subscriptions.flatMap((found) => {
    const organizationId = findOrganization(found)
    return tryJudge(deps, found, readContext(organizationId), organizationId) ?? []
  })
}

/** A subscription that cannot be compared is left to a person, and does not stop the others. */
function tryJudge(...parameters: Parameters<typeof judge>): Drift | undefined {
  try {
    return judge(...parameters)
  } catch (error) {
    const { provider, id } = parameters[1]
    log('error', 'subscription_not_compared', { provider, subscription_id: id, ...errorFields(error) })
    return toUnreadable(provider, id)
  }
}

function judge(
  deps: ManagementDeps,
  found: ProviderSubscription,
  context: Context,
  organizationId: string | undefined,
): Drift | undefined {
  const decided = decide(context, { found }, toBillingClock(deps))
  const { provider, id: subscriptionId, status, items } = found
  const there = { status, product: items.map(({ product }) => product).join(' ') }
  const common = { provider, subscriptionId, organizationId, there }
  if (typeof decided === 'string') {
    const isPast = found.endedAt !== undefined // ended subscriptions need no attention
    return isPast ? undefined : { ...common, kind: decided, fields: [], here: undefined, isRepairable: false }
  }
  const kind = classifyDrift(decided)
  if (!kind) return undefined
  const here = decided.known && { status: decided.known.status, plan: decided.known.planId }
  const fields = decided.known ? decided.changed : []
  return {
    ...common,
    kind,
    fields,
    here,
    isRepairable: kind === 'unknown_product' ? fields.length > 0 : kind !== 'second',
  }
}

function classifyDrift({ known, row, changed, planId, isSecond, unknownProduct }: Decision): DriftKind | undefined {
  if (!known) return 'missing_here'
  if (unknownProduct !== undefined) return 'unknown_product'
  if (changed.length > 0) return 'differs'
  if (planId !== undefined && row.isCurrent) return 'plan'
  return isSecond ? 'second' : undefined
}

/** Only a person can find out whose it is. */
function toUnreadable(provider: ProviderName, subscriptionId: string): Drift {
  const unknown = { organizationId: undefined, fields: [], here: undefined, there: undefined }
  return { provider, kind: 'unreadable', subscriptionId, ...unknown, isRepairable: false }
}

/** The token of another account lists nothing. It is only reported, so that nobody loses a plan by that. */
function missingThere(provider: ProviderName, row: Awaited<ReturnType<typeof listLiving>>[number]): Drift {
  return {
    provider,
    kind: 'missing_there',
    subscriptionId: row.providerSubscriptionId,
    organizationId: row.organizationId,
    fields: [],
    here: { status: row.status, plan: row.planId },
    there: undefined,
    isRepairable: false,
  }
}

/** No plan depends on the invoice: a person decides whether to ask the customer again or to leave it unpaid. */
function overageUnpaid(provider: ProviderName, { invoice_id, organization_id }: UnpaidInvoice): Drift {
  const common = { provider, subscriptionId: invoice_id, organizationId: organization_id, fields: [] }
  return { ...common, kind: 'overage_unpaid', here: undefined, there: undefined, isRepairable: false }
}
