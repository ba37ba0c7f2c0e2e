/** The parts of Polar's objects that are used. Everything else in them may change. */
import * as z from 'zod'
import { isoTime, organizationIn } from './http.ts'
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

export const PolarSubscription = z
  .object({
    id: z.string().min(1),
    status: z.enum(Object.keys(STATUSES) as (keyof typeof STATUSES)[]),
    customer_id: z.string().min(1),
    product_id: z.string().min(1),
    created_at: isoTime,
    modified_at: isoTime,
    current_period_start: isoTime,
    current_period_end: isoTime,
    cancel_at_period_end: z.boolean(),
    pause_at_period_end: z.boolean().nullish(),
    amount: z.number().nullish(),
    currency: z.string().nullish(),
    trial_end: isoTime,
    past_due_at: isoTime,
    ended_at: isoTime,
    metadata: z.record(z.string(), z.unknown()).nullish(),
    customer: z
      .object({ external_id: z.string().nullish(), metadata: z.record(z.string(), z.unknown()).nullish() })
      .nullish(),
    seats: z.number().nullish(),
    pending_update: z.object({ product_id: z.string().nullish(), seats: z.number().nullish() }).nullish(),
  })
  .transform(toSubscription)

interface Read {
  readonly id: string
  readonly status: keyof typeof STATUSES
  readonly customer_id: string
  readonly product_id: string
  readonly created_at: Date | undefined
  readonly modified_at: Date | undefined
  readonly current_period_start: Date | undefined
  readonly current_period_end: Date | undefined
  readonly cancel_at_period_end: boolean
  readonly pause_at_period_end?: boolean | null | undefined
  readonly amount?: number | null | undefined
  readonly currency?: string | null | undefined
  readonly trial_end: Date | undefined
  readonly past_due_at: Date | undefined
  readonly ended_at: Date | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined
  readonly customer?:
    | {
        readonly external_id?: string | null | undefined
        readonly metadata?: Readonly<Record<string, unknown>> | null | undefined
      }
    | null
    | undefined
  readonly seats?: number | null | undefined
  readonly pending_update?:
    | { readonly product_id?: string | null | undefined; readonly seats?: number | null | undefined }
    | null
    | undefined
}

/**
 * The metadata of a subscription comes from its checkout, which Tollgate created. It takes precedence over the
 * customer's external id: one person who pays for two organizations is one customer at Polar, by email address.
 */
function toSubscription(read: Read): ProviderSubscription {
  const updatedAt = read.modified_at ?? read.created_at
  return {
    provider: 'polar',
    id: read.id,
    customerId: read.customer_id,
    organizationId: organizationIn(read.metadata?.org_id, read.customer?.external_id, read.customer?.metadata?.org_id),
    status: STATUSES[read.status],
    items: [{ ...toItem(read), periodStart: read.current_period_start, periodEnd: read.current_period_end }],
    pendingItems: pendingItems(read),
    cancelAtPeriodEnd: read.cancel_at_period_end,
    pauseAtPeriodEnd: read.pause_at_period_end === true,
    nextCharge: nextCharge(read),
    trialEnd: read.trial_end,
    pastDueSince: read.past_due_at,
    endedAt: read.ended_at ?? (read.status === 'incomplete_expired' ? updatedAt : undefined),
    updatedAt,
  }
}

const toItem = ({ product_id: product, seats, currency }: Pick<Read, 'product_id' | 'seats' | 'currency'>) => ({
  product,
  quantity: seats ?? undefined,
  currency: currency?.toLowerCase(),
})

/** Polar changes the product or the seats; the other one stays. */
function pendingItems(read: Read): OrderedItem[] {
  const { pending_update: pending } = read
  if (!pending || (!pending.product_id && typeof pending.seats !== 'number')) return []
  const { product_id, seats, currency } = read
  return [toItem({ product_id: pending.product_id ?? product_id, seats: pending.seats ?? seats, currency })]
}

/** Polar's amount is for a whole period, seats and units included. */
function nextCharge({ amount, currency, current_period_end: at }: Read): NextCharge | undefined {
  if (typeof amount !== 'number' || !currency || !at) return undefined
  return { at, amount, currency: currency.toLowerCase() }
}

export const PolarPage = z.object({
  items: z.array(z.unknown()), // each is parsed on its own: see `readRows`
  pagination: z.object({ max_page: z.number() }),
})

/** An object's creation time. */
export const PolarCreated = z.object({ created_at: z.string().pipe(z.coerce.date()) })

export const PolarCheckout = z.object({ id: z.string().min(1), url: z.url() })
export const PolarSession = z.object({ customer_portal_url: z.url() })
export const PolarReceipt = z.object({ inserted: z.number() })

/** The errors of a refused batch, per event: `["body", "events", 3, …]`. */
const Details = z.object({
  detail: z.array(z.object({ loc: z.array(z.union([z.string(), z.number()])), msg: z.string() })),
})

/** @returns the errors of a batch's events, by index */
export function flawsOfEvents(body: unknown): Map<number, string> {
  const { data } = Details.safeParse(body)
  const flaws = (data?.detail ?? []).flatMap(({ loc, msg }) =>
    loc[1] === 'events' && typeof loc[2] === 'number' ? [[loc[2], msg] as const] : [],
  )
  return new Map(flaws)
}

const Refusal = z.object({ detail: z.union([z.string(), z.array(z.object({ msg: z.string() }))]) })

const Flaws = z.object({ detail: z.array(z.object({ loc: z.array(z.unknown()) })) })

export const isPolarCustomerMissing = (body: unknown): boolean =>
  Flaws.safeParse(body).data?.detail.some(({ loc }) => loc.at(-1) === 'customer_id') ?? false

export function polarReason(body: unknown): string | undefined {
  const { data } = Refusal.safeParse(body)
  return typeof data?.detail === 'string' ? data.detail : data?.detail.map(({ msg }) => msg).join('; ')
}
