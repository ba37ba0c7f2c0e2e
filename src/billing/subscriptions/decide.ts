import type { subscriptions } from '../../db/schema/billing.ts'
import { type AddonLimits, FIRST_PLAN, type PendingChange } from '../../db/schema/shapes.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import type { OrderedItem, ProviderName, ProviderSubscription } from '../providers/provider.ts'
import { addAddons, type Bought, type KnownPlan, readBought } from './read-bought.ts'
import { applyRefund, latestRefund, type Refund, type ReversedPayment } from './refunds.ts'
import { type BillingClock, isEligible, isInForce, isUnpaid, selectCurrent } from './rules.ts'

/** The known state of one organization. */
export interface Context {
  readonly organization: ({ readonly id: string; readonly planId: string } & Booking) | undefined
  /** All its subscriptions, including past ones. */
  readonly rows: readonly SubscriptionRow[]
  /** Every version of every plan. */
  readonly plans: readonly KnownPlan[]
}

/** The limits beyond its plan that an organization gets, because its subscription pays for them. */
export interface Booking {
  readonly seats: number | null
  readonly limitAdditions: AddonLimits
}

/** The provider's state, and the refund that only an event reports. */
export interface News {
  readonly found: ProviderSubscription
  readonly refund?: (Refund & { readonly reversed: ReversedPayment }) | undefined
  /** The version of a plan that the customer has just chosen. */
  readonly chosenPlanId?: string | undefined
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
  /** The seats and add-ons to give the organization. Absent if it has them already, or if nothing decides. */
  readonly booking: Booking | undefined
  /** The remaining credits of the plan are taken back as well, because its charge was refunded or never paid. */
  readonly takesCredits: boolean
  /** It is paid for while another one determines the plan: the customer pays twice. */
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
  const current = selectCurrent([...rows.filter((row) => row !== known), wanted], clock)
  const row = { ...wanted, isCurrent: current?.id === wanted.id }
  const changed = listChanges(known, row)
  const after = changesAfter(context, organization, current, clock)
  return {
    known,
    row,
    changed,
    currentId: current?.id,
    ...after,
    takesCredits:
      (after.planId ?? organization.planId) === FIRST_PLAN &&
      isLostUnpaid({ known, row, changed, current, planId: after.planId }, clock),
    isSecond: !row.isCurrent && isEligible(row, clock.at) && isInForce(row, clock),
    unknownProduct: findUnknown(context, news.found),
  }
}

export const isSubscription = (provider: ProviderName, providerSubscriptionId: string) => (row: SubscriptionRow) =>
  row.provider === provider && row.providerSubscriptionId === providerSubscriptionId

interface Lost extends Pick<Decision, 'known' | 'row' | 'changed' | 'planId'> {
  readonly current: Parameters<typeof isInForce>[0] | undefined
}

/** Whether no plan is active any more, and it is new information that nobody paid for the last one. */
function isLostUnpaid({ known, row, changed, current, planId }: Lost, clock: BillingClock): boolean {
  if (current && isInForce(current, clock)) return false
  const isNews = planId !== undefined || (known !== undefined && changed.includes('refundedChargeAt'))
  return isNews && isUnpaid(row, known, clock)
}

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

/** The changes of the organization. */
function changesAfter(
  { plans, rows }: Context,
  organization: NonNullable<Context['organization']>,
  current: Decision['row'] | SubscriptionRow | undefined,
  clock: BillingClock,
): Pick<Decision, 'planId' | 'booking'> {
  const planId = planAfter(current, rows, clock)
  if (planId === undefined) return { planId, booking: undefined }
  const booking = bookingAfter(plans, current, clock)
  return {
    planId: planId === organization.planId ? undefined : planId,
    booking: isSameBooking(booking, organization) ? undefined : booking,
  }
}

/** The limits that the deciding subscription pays for beyond its plan. Seats that will end are no longer given to anyone. */
function bookingAfter(
  plans: Context['plans'],
  current: Decision['row'] | SubscriptionRow | undefined,
  clock: BillingClock,
): Booking {
  if (!current || !isInForce(current, clock)) return { seats: null, limitAdditions: {} }
  const { pending } = current
  const now = readBooking(plans, current.planId, current)
  const next = pending ? readBooking(plans, pending.plan, pending) : now
  if (now.seats === null || next.seats === null) return now
  const seats = Math.min(now.seats, next.seats)
  const { seats: added = 0, ...others } = now.limitAdditions
  const all = Math.min(now.seats + added, next.seats + (next.limitAdditions.seats ?? 0))
  return { seats, limitAdditions: { ...others, ...(all > seats && { seats: all - seats }) } }
}

function readBooking(
  plans: Context['plans'],
  planId: string,
  { seats, addons }: Pick<PendingChange, 'seats' | 'addons'>,
): Booking {
  const plan = plans.find(({ id }) => id === planId)
  return { seats, limitAdditions: addAddons(plan?.addons ?? [], addons) }
}

const isSameBooking = (one: Booking, other: Booking) =>
  one.seats === other.seats && canonicalJson(one.limitAdditions) === canonicalJson(other.limitAdditions)

/**
 * A subscription whose items are no longer a known plan, for example after a change in the provider's dashboard or
 * portal. The old plan stays in force, because somebody pays, and the operator must say for what. It is logged, and in
 * the drift report, until a plan has the id.
 */
function findUnknown({ plans }: Context, { provider, items, endedAt }: ProviderSubscription): string | undefined {
  if (endedAt || readBought(plans, provider, items)) return undefined
  return items.map(({ product }) => product).join(' ')
}

/** @returns undefined if the subscription is not for a known plan, and never was */
function toRow(
  { plans, organization }: Context,
  news: News,
  known: SubscriptionRow | undefined,
  { at, newId }: { at: number; newId: string },
): Decision['row'] | undefined {
  const { found, refund } = news
  const terms = readTerms(plans, news, known)
  if (!terms || !organization) return undefined
  const { id, isCurrent, createdAt } = known ?? { id: newId, isCurrent: false, createdAt: new Date(at) }
  const { item, ...columns } = terms
  const charges = known?.refundedCharges ?? {}
  const refundedCharges = refund ? applyRefund(charges, refund, refund.reversed) : charges
  return {
    id,
    organizationId: organization.id,
    ...toColumns(found, item),
    ...columns,
    pastDueSince: pastDueSince(found, known, at),
    refundedCharges,
    refundedChargeAt: latestRefund(known, refundedCharges),
    isCurrent,
    createdAt,
  }
}

/** The current terms, and those from the next period on. @returns undefined if they are not a known plan, and never were */
function readTerms(plans: Context['plans'], { found, chosenPlanId }: News, known: SubscriptionRow | undefined) {
  const { planId: knownPlanId, pendingPlanId } = known ?? {}
  const bought = readBought(plans, found.provider, found.items, [chosenPlanId, knownPlanId, pendingPlanId])
  const planId = bought?.plan.id ?? knownPlanId
  if (planId === undefined) return undefined
  const terms = bought ? toTerms(bought) : keepTerms(known)
  const next = readBought(plans, found.provider, found.pendingItems, [chosenPlanId, pendingPlanId, planId])
  const pending = toPending(next, { ...terms, plan: planId })
  return {
    item: bought?.item ?? found.items.at(0),
    planId,
    ...terms,
    pendingPlanId: otherPlan(pending, planId),
    pending,
  }
}

const otherPlan = (pending: PendingChange | null, planId: string) =>
  pending === null || pending.plan === planId ? null : pending.plan

type TermColumns = Pick<SubscriptionRow, 'interval' | 'currency' | 'seats' | 'addons'>

const toTerms = ({ price, seats, addons }: Bought): TermColumns => ({
  interval: price.interval,
  currency: price.currency,
  seats,
  addons,
})

const keepTerms = (known: SubscriptionRow | undefined): TermColumns => ({
  interval: known?.interval ?? 'month',
  currency: known?.currency ?? 'usd',
  seats: known?.seats ?? null,
  addons: known?.addons ?? {},
})

/** @returns null if nothing changes with the next period */
function toPending(
  next: Bought<OrderedItem> | undefined,
  now: TermColumns & { readonly plan: string },
): PendingChange | null {
  if (!next) return null
  const pending = { plan: next.plan.id, interval: next.price.interval, seats: next.seats, addons: next.addons }
  const { currency: _, ...same } = now
  return canonicalJson(pending) === canonicalJson(same) ? null : pending
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

/** If the provider does not say since when payment fails, the time is when it was first seen here. */
function pastDueSince(found: ProviderSubscription, known: SubscriptionRow | undefined, at: number): Date | null {
  if (found.status !== 'past_due') return null
  return found.pastDueSince ?? known?.pastDueSince ?? new Date(at)
}

/** The relevant columns of a row. The provider's timestamp alone is not a change. */
const COLUMNS = [
  'providerCustomerId',
  'planId',
  'interval',
  'currency',
  'seats',
  'addons',
  'pendingPlanId',
  'pending',
  'status',
  'currentPeriodStart',
  'currentPeriodEnd',
  'cancelAtPeriodEnd',
  'pauseAtPeriodEnd',
  'trialEnd',
  'pastDueSince',
  'endedAt',
  'refundedChargeAt',
  'refundedCharges',
  'isCurrent',
] as const

function listChanges(known: SubscriptionRow | undefined, row: Decision['row']): string[] {
  return COLUMNS.filter((column) => !known || plain(known[column]) !== plain(row[column]))
}

const plain = (value: Date | object | string | number | boolean | null) => {
  if (value instanceof Date) return value.getTime()
  return typeof value === 'object' && value !== null ? canonicalJson(value) : value
}

export type SubscriptionRow = typeof subscriptions.$inferSelect
