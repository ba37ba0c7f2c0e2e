import type { subscriptions } from '../../db/schema/billing.ts'
import { FIRST_PLAN } from '../../db/schema/shapes.ts'
import type { ProviderName, ProviderSubscription } from '../providers/provider.ts'
import { type BillingClock, isEligible, isInForce, selectCurrent } from './rules.ts'

/** The known state of one organization. */
export interface Context {
  readonly organization: { readonly id: string; readonly planId: string } | undefined
  /** All its subscriptions, including past ones. */
  readonly rows: readonly SubscriptionRow[]
  readonly plans: readonly {
    readonly id: string
    readonly polarProductId: string | null
    readonly stripePriceId: string | null
    readonly pricePerMonthCents: number | null
  }[]
}

/** The provider's state, and the refund that only an event reports. */
export interface News {
  readonly found: ProviderSubscription
  readonly refundedChargeAt?: Date | undefined
}

export interface Decision {
  readonly known: SubscriptionRow | undefined
  /** The row as it should be. */
  readonly row: Omit<SubscriptionRow, 'revision' | 'updatedAt'>
  /** Names of the columns that change; all relevant ones for a new row. */
  readonly changed: readonly string[]
  /** The subscription that decides the plan from now on. */
  readonly currentId: string | undefined
  /** The plan to move the organization to. Absent if it is already on it, or if nothing decides. */
  readonly planId: string | undefined
  /** It is paid for while another one decides: the customer pays twice. */
  readonly isSecond: boolean
  /** The product that a subscription moved to, if it is not a plan. The old plan stays in force until there is one. */
  readonly unknownProduct: string | undefined
}

export type Ignored = 'unknown_organization' | 'unknown_product'

/** Decides what follows from a provider's state. Pure: webhooks, the reconcile job and the drift report all use it. */
export function decide(
  context: Context,
  news: News,
  clock: BillingClock & { readonly newId: string },
): Decision | Ignored {
  const { organization, rows } = context
  if (!organization) return 'unknown_organization'
  const known = rows.find(isSubscription(news.found.provider, news.found.id))
  const wanted = toRow(context, news, known, clock)
  if (!wanted) return 'unknown_product'
  const all = [...rows.filter((row) => row !== known), wanted]
  const current = selectCurrent(all, clock)
  const row = { ...wanted, isCurrent: current?.id === wanted.id }
  const planId = planAfter(current, rows, clock)
  return {
    known,
    row,
    changed: listChanges(known, row),
    currentId: current?.id,
    planId: planId === organization.planId ? undefined : planId,
    isSecond: !row.isCurrent && isEligible(row, clock.at) && isInForce(row, clock),
    unknownProduct: findUnknown(context, news.found),
  }
}

export const isSubscription = (provider: ProviderName, providerSubscriptionId: string) => (row: SubscriptionRow) =>
  row.provider === provider && row.providerSubscriptionId === providerSubscriptionId

/**
 * Without a remaining subscription, the first plan is in force; if none ever decided, the plan that an administrator
 * chose.
 */
function planAfter(
  current: ({ readonly planId: string } & Parameters<typeof isInForce>[0]) | undefined,
  before: readonly SubscriptionRow[],
  clock: BillingClock,
): string | undefined {
  if (current) return isInForce(current, clock) ? current.planId : FIRST_PLAN
  return before.some(({ isCurrent }) => isCurrent) ? FIRST_PLAN : undefined
}

/**
 * A subscription whose items are no longer a known plan, for example after a change in the provider's dashboard or
 * portal. The old plan stays in force, because somebody pays, and the operator must say for what. It is logged, and in
 * the drift report, until a plan has the id.
 */
function findUnknown({ plans }: Context, { provider, items, endedAt }: ProviderSubscription): string | undefined {
  const products = items.map(({ product }) => product)
  return endedAt || findPlan(plans, provider, products) ? undefined : products.join(' ')
}

/** @returns undefined if the subscription is not for a known plan, and never was */
function toRow(
  { plans, organization }: Context,
  { found, refundedChargeAt }: News,
  known: SubscriptionRow | undefined,
  { at, newId }: { at: number; newId: string },
): Decision['row'] | undefined {
  const { planId = known?.planId, item, pendingPlanId } = readPlans(plans, found)
  if (planId === undefined || !organization) return undefined
  const { id, isCurrent, createdAt } = known ?? { id: newId, isCurrent: false, createdAt: new Date(at) }
  return {
    id,
    organizationId: organization.id,
    ...toColumns(found, item),
    planId,
    pendingPlanId: pendingPlanId === planId ? null : orNull(pendingPlanId),
    pastDueSince: pastDueSince(found, known, at),
    refundedChargeAt: later(known?.refundedChargeAt, refundedChargeAt),
    isCurrent,
    createdAt,
  }
}

/** The plan with its line, and the plan from the next period on. */
function readPlans(plans: Context['plans'], { provider, items, pendingProducts }: ProviderSubscription) {
  const products = items.map(({ product }) => product)
  const bought = findPlan(plans, provider, products)
  const item = items.find(({ product }) => product === bought?.product) ?? items.at(0)
  return { planId: bought?.plan.id, item, pendingPlanId: findPlan(plans, provider, pendingProducts)?.plan.id }
}

function toColumns(found: ProviderSubscription, item: ProviderSubscription['items'][number] | undefined) {
  const { periodStart, periodEnd } = item ?? {}
  return {
    provider: found.provider,
    providerSubscriptionId: found.id,
    providerCustomerId: found.customerId,
    status: found.status,
    currentPeriodStart: orNull(periodStart),
    currentPeriodEnd: orNull(periodEnd),
    cancelAtPeriodEnd: found.cancelAtPeriodEnd || isWithin(found.cancelAt, periodEnd),
    pauseAtPeriodEnd: found.pauseAtPeriodEnd ?? false,
    trialEnd: orNull(found.trialEnd),
    endedAt: orNull(found.endedAt),
    providerUpdatedAt: orNull(found.updatedAt),
  }
}

const orNull = <T>(value: T | undefined): T | null => value ?? null

/** Stripe's portal may set a date instead of the flag. */
const isWithin = (at: Date | undefined, end: Date | undefined) => at !== undefined && end !== undefined && at <= end

/** The plan among the products of a subscription, at any position; of several, the most expensive. */
function findPlan(plans: Context['plans'], provider: ProviderName, products: readonly string[]) {
  const column = provider === 'polar' ? 'polarProductId' : 'stripePriceId'
  return plans
    .flatMap((plan) => {
      const product = plan[column]
      return product !== null && products.includes(product) ? [{ plan, product }] : []
    })
    .toSorted((a, b) => rankPrice(b.plan) - rankPrice(a.plan))
    .at(0)
}

/** A negotiated price ranks above those of the catalogue. */
const rankPrice = ({ pricePerMonthCents }: Context['plans'][number]) => pricePerMonthCents ?? Number.MAX_SAFE_INTEGER

/** If the provider does not say since when payment fails, the time is when it was first seen here. */
function pastDueSince(found: ProviderSubscription, known: SubscriptionRow | undefined, at: number): Date | null {
  if (found.status !== 'past_due') return null
  return found.pastDueSince ?? known?.pastDueSince ?? new Date(at)
}

function later(one: Date | null | undefined, other: Date | undefined): Date | null {
  const times = [one, other].flatMap((date) => date?.getTime() ?? [])
  return times.length === 0 ? null : new Date(Math.max(...times))
}

/** The relevant columns of a row. The provider's timestamp alone is not a change. */
const COLUMNS = [
  'providerCustomerId',
  'planId',
  'pendingPlanId',
  'status',
  'currentPeriodStart',
  'currentPeriodEnd',
  'cancelAtPeriodEnd',
  'pauseAtPeriodEnd',
  'trialEnd',
  'pastDueSince',
  'endedAt',
  'refundedChargeAt',
  'isCurrent',
] as const

function listChanges(known: SubscriptionRow | undefined, row: Decision['row']): string[] {
  return COLUMNS.filter((column) => !known || plain(known[column]) !== plain(row[column]))
}

const plain = (value: Date | string | boolean | null) => (value instanceof Date ? value.getTime() : value)

export type SubscriptionRow = typeof subscriptions.$inferSelect
