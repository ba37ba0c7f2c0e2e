/** The parts of Stripe's objects that are used. Everything else in them may change. */
import * as z from 'zod'
import { organizationIn, unixTime } from './http.ts'
import type { NextCharge, OrderedItem, ProviderSubscription, SubscriptionStatus } from './provider.ts'

/** One that was never paid and has expired stays `incomplete`, and has an end. */
const STATUSES = {
  incomplete: 'incomplete',
  incomplete_expired: 'incomplete',
  trialing: 'trialing',
  active: 'active',
  past_due: 'past_due',
  paused: 'paused',
  canceled: 'canceled',
  unpaid: 'unpaid',
} as const satisfies Record<string, SubscriptionStatus>

/** A reference: an id, or the expanded object. */
export const reference = z
  .union([z.string().min(1), z.object({ id: z.string().min(1) }).transform(({ id }) => id)])
  .nullish()
  .transform((id) => id ?? undefined)

const Item = z.object({
  id: z.string(),
  quantity: z.number().nullish(),
  current_period_start: unixTime,
  current_period_end: unixTime,
  price: z.object({
    id: z.string(),
    unit_amount: z.number().nullish(),
    currency: z.string().nullish(),
    recurring: z.object({ usage_type: z.string().nullish() }).nullish(),
  }),
})

/** Phases are sent back as they were received, except for the change: see stripe-schedule.ts. */
const Phase = z.looseObject({
  start_date: z.number(),
  end_date: z.number().nullish(),
  items: z.array(z.looseObject({ price: reference, quantity: z.number().nullish() })),
})

export const StripeSchedule = z.object({
  id: z.string(),
  status: z.string().nullish(),
  end_behavior: z.string().nullish(),
  current_phase: z.object({ start_date: z.number(), end_date: z.number() }).nullish(),
  phases: z.array(Phase),
})

/** In Stripe's own form, for code that needs the items, or the schedule that changes them. */
export const StripeSubscription = z.object({
  id: z.string().min(1),
  status: z.enum(Object.keys(STATUSES) as (keyof typeof STATUSES)[]),
  customer: z.union([
    z.string().min(1),
    z.object({ id: z.string().min(1), metadata: z.record(z.string(), z.unknown()).nullish() }),
  ]),
  created: z.number(),
  cancel_at_period_end: z.boolean(),
  cancel_at: unixTime,
  trial_end: unixTime,
  ended_at: unixTime,
  pause_collection: z.object({ behavior: z.string(), resumes_at: unixTime }).nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  items: z.object({ data: z.array(Item).min(1) }),
  schedule: z.union([z.string(), StripeSchedule]).nullish(),
})

export type StripeScheduleRead = z.output<typeof StripeSchedule>
export type StripeSubscriptionRead = z.output<typeof StripeSubscription>

/** The item with the plan, by its price, at any position. The others are add-ons and metered prices. */
export function planItem(
  { items }: StripeSubscriptionRead,
  planProducts: readonly string[] = [],
): z.output<typeof Item> {
  const licensed = items.data.filter(({ price }) => price.recurring?.usage_type !== 'metered')
  const found = licensed.find(({ price }) => planProducts.includes(price.id)) ?? licensed[0] ?? items.data[0]
  if (!found) throw new Error('A subscription has an item; the schema requires one.')
  return found
}

/** Items have the periods: since 2025 the subscription itself has none. */
export function toSubscription(read: StripeSubscriptionRead): ProviderSubscription {
  const customer = typeof read.customer === 'string' ? { id: read.customer } : read.customer
  return {
    provider: 'stripe',
    id: read.id,
    customerId: customer.id,
    organizationId: organizationIn(read.metadata?.org_id, customer.metadata?.org_id),
    status: parseStatus(read),
    items: read.items.data.map(({ price, quantity, current_period_start, current_period_end }) => ({
      product: price.id,
      quantity: isCounted(price) ? (quantity ?? 1) : undefined,
      currency: price.currency?.toLowerCase(),
      periodStart: current_period_start,
      periodEnd: current_period_end,
    })),
    pendingItems: pendingItems(read),
    cancelAtPeriodEnd: read.cancel_at_period_end,
    cancelAt: read.cancel_at,
    nextCharge: nextCharge(read),
    isUncollected: isUncollected(read),
    trialEnd: read.trial_end,
    pastDueSince: undefined,
    endedAt: read.ended_at ?? (read.status === 'incomplete_expired' ? new Date(read.created * 1000) : undefined),
    updatedAt: undefined,
  }
}

/** For the items whose period ends first. Tiered prices and mixed currencies are left to Stripe. */
function nextCharge({ items }: StripeSubscriptionRead): NextCharge | undefined {
  const licensed = items.data.filter(({ price }) => price.recurring?.usage_type !== 'metered')
  const ends = licensed.flatMap(({ current_period_end: end }) => end?.getTime() ?? [])
  const at = Math.min(...ends)
  const due = licensed.filter(({ current_period_end: end }) => end?.getTime() === at)
  const amounts = due.flatMap(({ price, quantity }) => (price.unit_amount ?? Number.NaN) * (quantity ?? 1))
  const amount = amounts.reduce((sum, one) => sum + one, 0)
  const [currency, ...others] = new Set(due.map(({ price }) => price.currency ?? undefined))
  if (ends.length < licensed.length || !Number.isFinite(amount) || currency === undefined || others.length > 0)
    return undefined
  return { at: new Date(at), amount, currency: currency.toLowerCase() }
}

/** Whatever a pause of collection makes of invoices, none is paid before it ends. */
function isUncollected({ pause_collection: pause, items }: StripeSubscriptionRead): boolean {
  if (!pause) return false
  const ends = items.data.flatMap(({ current_period_end: end }) => end ?? [])
  return pause.resumes_at === undefined || ends.every((end) => end < (pause.resumes_at ?? end))
}

/** A pause of collection with `void` means that no service is provided; its other kinds still provide service. */
function parseStatus({ status, pause_collection }: StripeSubscriptionRead): SubscriptionStatus {
  return status === 'active' && pause_collection?.behavior === 'void' ? 'paused' : STATUSES[status]
}

const isCounted = ({ recurring }: z.output<typeof Item>['price']) => recurring?.usage_type !== 'metered'

/** @returns the items of the phase that follows the current one */
function pendingItems({ schedule, items }: StripeSubscriptionRead): OrderedItem[] {
  if (typeof schedule !== 'object' || schedule === null) return []
  const starts = items.data.flatMap(({ current_period_start: start }) => start ?? [])
  const now = schedule.current_phase?.start_date ?? Math.min(...starts.map((start) => start.getTime() / 1000))
  const next = schedule.phases
    .filter(({ start_date }) => start_date > now)
    .toSorted((a, b) => a.start_date - b.start_date)
    .at(0)
  return (
    next?.items.flatMap(({ price, quantity }) =>
      price === undefined ? [] : [{ product: price, quantity: quantity ?? undefined }],
    ) ?? []
  )
}

export const StripePage = z.object({
  data: z.array(z.unknown()), // each is parsed on its own: see `readRows`
  has_more: z.boolean(),
})
export const StripeId = z.object({ id: z.string() })
export const StripeCheckout = z.object({ id: z.string().min(1), url: z.url() })
export const StripePortal = z.object({ url: z.url() })

const InvoiceLine = z.object({
  period: z.object({ start: unixTime }).nullish(),
  parent: z.object({ subscription_item_details: z.object({ proration: z.boolean() }).nullish() }).nullish(),
})

export const StripePayments = z.object({
  data: z.array(
    z.object({
      invoice: z.object({
        billing_reason: z.string().nullish(),
        parent: z.object({ subscription_details: z.object({ subscription: reference }).nullish() }).nullish(),
        lines: z.object({ data: z.array(InvoiceLine) }).nullish(),
      }),
    }),
  ),
})

export type StripeInvoicePaid = z.output<typeof StripePayments>['data'][number]['invoice']

/** The start of the period that an invoice charges; undefined if it charges none, only changes within one. */
export function chargedPeriod({ lines }: StripeInvoicePaid): Date | undefined {
  const starts = (lines?.data ?? []).flatMap(({ period, parent }) =>
    parent?.subscription_item_details?.proration === false ? (period?.start ?? []) : [],
  )
  return starts.toSorted((a, b) => b.getTime() - a.getTime())[0] // a metered price is charged for the period before
}

const Method = z
  .object({
    card: z.object({ brand: z.string(), last4: z.string(), exp_month: z.number(), exp_year: z.number() }).nullish(),
  })
  .nullish()

/** The subscription's own card, or else its customer's. */
export const StripePaidWith = z.object({
  default_payment_method: Method,
  customer: z.object({ invoice_settings: z.object({ default_payment_method: Method }).nullish() }),
})

const Refusal = z.object({ error: z.object({ message: z.string() }) })

const MissingCustomer = z.object({
  error: z.object({ code: z.literal('resource_missing'), param: z.literal('customer') }),
})

export const isStripeCustomerMissing = (body: unknown): boolean => MissingCustomer.safeParse(body).success

export const stripeReason = (body: unknown): string | undefined => Refusal.safeParse(body).data?.error.message

/** Encodes `{ items: [{ price: 'x' }] }` as `items[0][price]=x`; undefined fields are omitted. */
export function encodeForm(fields: object): string {
  const form = new URLSearchParams()
  const add = (name: string, value: unknown) => {
    if (value === undefined) return
    if (typeof value === 'object' && value !== null)
      for (const [key, one] of Object.entries(value)) add(`${name}[${key}]`, one)
    else form.append(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  for (const [name, value] of Object.entries(fields)) add(name, value)
  return form.toString()
}
