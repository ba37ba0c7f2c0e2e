/** Reads the subject of a provider's event. Nothing else in it is trusted, because it may be outdated. */
import * as z from 'zod'
import {
  type CreditPayment,
  readPolarOrder,
  readStripeCharge,
  readStripeSession,
} from '../providers/credit-payments.ts'
import type { ProviderName } from '../providers/provider.ts'
import { reference } from '../providers/stripe-shapes.ts'
import { type Reversal, readPolarRefund, readStripeDispute, readStripeRefund } from './reversals.ts'

/** The objects to check again. */
export interface Subject {
  readonly subscriptionId?: string | undefined
  /** An invoice without a subscription. It may contain only overage. */
  readonly invoiceId?: string | undefined
  /** All subscriptions of a customer. */
  readonly customer?: { readonly id: string; readonly externalId?: string | undefined; readonly isGone: boolean }
  /**
   * A refunded charge: when it was made, and what took it. After a dispute, the time is that of the loss, whichever
   * charge it was about: the current period is no longer in force. Without a time the money may have come back.
   */
  readonly refund?: {
    /** The payment's, or that of the dispute. */
    readonly id: string
    /** If the event does not name the subscription, the payment does. */
    readonly paymentId: string
    readonly chargedAt?: Date
    readonly cents?: number | undefined
    /** Why it was made, if the event says so. */
    readonly reason?: string | null | undefined
    readonly isDisputed?: boolean
  }
  /** A payment of credits, with its currently known data. */
  readonly payment?: CreditPayment | undefined
  /** A reversal, or the failure of one, of a payment that may be for credits. */
  readonly reversal?: Reversal | undefined
}

type Reader = (payload: unknown) => Subject

/**
 * What each reason of a charge pays for. The price of a period buys the plan for that period. A change is charged for the
 * rest of a period, unless it begins one (see subscriptions/sync.ts).
 */
export const PAID_FOR: ReadonlyMap<string, 'period' | 'change'> = new Map([
  ['subscription_create', 'period'],
  ['subscription_cycle', 'period'],
  ['subscription_update', 'change'],
])

const id = z.string().min(1)
const OfPolar = <Shape extends z.ZodRawShape>(shape: Shape) => z.object({ data: z.object(shape) })
const OfStripe = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.object({ data: z.object({ object: z.object(shape) }) })

const PolarData = z.object({ data: z.unknown() })
const StripeData = z.object({ data: z.object({ object: z.unknown() }) })

const PolarSubject = OfPolar({ id })
const PolarOrder = OfPolar({
  id,
  net_amount: z.number().nullish(),
  status: z.string(),
  subscription_id: id.nullish(),
  billing_reason: z.string().nullish(),
  created_at: z.string().pipe(z.coerce.date()),
})
const PolarRefund = OfPolar({
  id,
  status: z.string(),
  order_id: id.nullish(),
  subscription_id: id.nullish(),
  created_at: z.string().pipe(z.coerce.date()),
  dispute: z.object({ status: z.string() }).nullish(),
})
const PolarCustomer = OfPolar({ id, external_id: z.string().nullish() })

const polarSubscription: Reader = (payload) => ({ subscriptionId: PolarSubject.parse(payload).data.id })

const polarOrder: Reader = (payload) => {
  const { id, status, subscription_id, billing_reason, created_at, net_amount } = PolarOrder.parse(payload).data
  if (!subscription_id) return { payment: readPolarOrder(PolarData.parse(payload).data) }
  const cents = net_amount ?? undefined
  const refund = { id, paymentId: id, chargedAt: created_at, cents, reason: billing_reason }
  return { subscriptionId: subscription_id, ...(status === 'refunded' && { refund }) }
}

/**
 * Refunds are reported by their orders, and their failures by themselves. A refund after a dispute counts for whichever
 * charge was disputed.
 */
const polarRefund: Reader = (payload) => {
  const { id, status, order_id, subscription_id, created_at, dispute } = PolarRefund.parse(payload).data
  const reversal = order_id ? readPolarRefund(payload) : undefined
  if (!subscription_id) return { reversal }
  const about = { subscriptionId: subscription_id, reversal }
  if (!dispute) return reversal ? { ...about, refund: { id: reversal.paymentId, paymentId: reversal.paymentId } } : {}
  const disputed = { id, paymentId: order_id ?? id, isDisputed: true }
  if (isLost(status, dispute)) return { ...about, refund: { ...disputed, chargedAt: created_at } }
  return reversal || dispute.status === 'won' ? { ...about, refund: disputed } : {}
}

const isLost = (status: string, dispute: { readonly status: string }) =>
  dispute.status === 'lost' || (status === 'succeeded' && dispute.status !== 'won')

const polarCustomer =
  (isGone: boolean): Reader =>
  (payload) => {
    const { id, external_id } = PolarCustomer.parse(payload).data
    return { customer: { id, externalId: external_id ?? undefined, isGone } }
  }

const StripeObject = OfStripe({ id })
const StripeSession = OfStripe({ subscription: reference })
const StripeInvoice = OfStripe({
  id,
  subscription: reference,
  parent: z.object({ subscription_details: z.object({ subscription: reference }).nullish() }).nullish(),
})
const StripeCharge = OfStripe({
  refunded: z.boolean(),
  payment_intent: reference,
  created: z.number(),
  amount: z.number().nullish(),
})

const StripeDispute = z.object({ created: z.number() })

const stripeSubscription: Reader = (payload) => ({ subscriptionId: StripeObject.parse(payload).data.object.id })

const stripeSession: Reader = (payload) => ({
  subscriptionId: StripeSession.parse(payload).data.object.subscription,
  payment: readStripeSession(StripeData.parse(payload).data.object),
})

const stripeInvoice: Reader = (payload) => {
  const { id: invoiceId, parent, subscription } = StripeInvoice.parse(payload).data.object
  const subscriptionId = parent?.subscription_details?.subscription ?? subscription
  return subscriptionId === undefined ? { invoiceId } : { subscriptionId }
}

const stripeCharge: Reader = (payload) => {
  const payment = readStripeCharge(StripeData.parse(payload).data.object)
  if (payment) return { payment }
  const { refunded, payment_intent: id, created, amount } = StripeCharge.parse(payload).data.object
  if (!refunded || id === undefined) return {}
  return { refund: { id, paymentId: id, chargedAt: new Date(created * 1000), cents: amount ?? undefined } }
}

const stripeDispute: Reader = (payload) => {
  const { created } = StripeDispute.parse(payload)
  const reversal = readStripeDispute(payload)
  if (!reversal) return {}
  const { id, paymentId, isUndone } = reversal
  const refund = { id, paymentId, isDisputed: true }
  return { reversal, refund: isUndone ? refund : { ...refund, chargedAt: new Date(created * 1000) } }
}

/** The events of a charge say how much is refunded. Those of a refund say whether it failed or was made again. */
const stripeRefund: Reader = (payload) => {
  const reversal = readStripeRefund(payload)
  if (!reversal) return {}
  return { reversal, refund: { id: reversal.paymentId, paymentId: reversal.paymentId } }
}

const stripeCustomerGone: Reader = (payload) => ({
  customer: { id: StripeObject.parse(payload).data.object.id, isGone: true },
})

const mapTypes = (reader: Reader, types: readonly string[]) => types.map((type) => [type, reader] as const)

/** The types that have an effect. All others are only stored. */
const READERS: Readonly<Record<ProviderName, ReadonlyMap<string, Reader>>> = {
  polar: new Map([
    ...mapTypes(
      polarSubscription,
      [
        'created',
        'updated',
        'active',
        'canceled',
        'uncanceled',
        'cycled',
        'past_due',
        'revoked',
        'paused',
        'resumed',
        'migrated',
      ].map((what) => `subscription.${what}`),
    ),
    ...mapTypes(polarOrder, ['order.paid', 'order.refunded']),
    ...mapTypes(polarRefund, ['refund.created', 'refund.updated']),
    ...mapTypes(polarCustomer(false), ['customer.state_changed']),
    ...mapTypes(polarCustomer(true), ['customer.deleted']),
  ]),
  stripe: new Map([
    ...mapTypes(
      stripeSubscription,
      [
        'created',
        'updated',
        'deleted',
        'paused',
        'resumed',
        'trial_will_end',
        'pending_update_applied',
        'pending_update_expired',
      ].map((what) => `customer.subscription.${what}`),
    ),
    ...mapTypes(
      stripeSession,
      ['completed', 'async_payment_succeeded', 'async_payment_failed'].map((what) => `checkout.session.${what}`),
    ),
    ...mapTypes(
      stripeInvoice,
      ['paid', 'payment_failed', 'payment_action_required', 'finalization_failed'].map((what) => `invoice.${what}`),
    ),
    ...mapTypes(stripeCharge, ['charge.refunded']),
    ...mapTypes(stripeRefund, ['refund.created', 'refund.updated', 'refund.failed']),
    ...mapTypes(stripeDispute, ['charge.dispute.closed']),
    ...mapTypes(stripeCustomerGone, ['customer.deleted']),
  ]),
}

/**
 * @returns undefined for a type without an effect
 * @throws ZodError if an event of a known type has another shape
 */
export function readSubject(provider: ProviderName, type: string, payload: unknown): Subject | undefined {
  return READERS[provider].get(type)?.(payload)
}

/** The fields of every event. Stripe's newer kinds have their time in ISO 8601, the older ones in seconds. */
const Common = z.object({
  id: z.string().min(1).max(255).optional(),
  type: z.string().min(1).max(255),
  created: z.union([z.number(), z.string()]).optional(),
  timestamp: z.string().optional(),
})

export interface EventHead {
  readonly eventId: string
  readonly type: string
  readonly occurredAt: Date
}

/**
 * @param deliveryId the event's id if the payload has none: Polar sends it in a header
 * @returns undefined if the payload is not an event
 */
export function readHead(payload: unknown, deliveryId: string | undefined, receivedAt: number): EventHead | undefined {
  const { data } = Common.safeParse(payload)
  const eventId = deliveryId ?? data?.id
  if (!data || eventId === undefined) return undefined
  const { created, timestamp } = data
  const occurredAt = new Date(typeof created === 'number' ? created * 1000 : (created ?? timestamp ?? receivedAt))
  return { eventId, type: data.type, occurredAt: isStorable(occurredAt) ? occurredAt : new Date(receivedAt) }
}

/** Years that Postgres and JavaScript write alike. */
const isStorable = (date: Date) => date.getTime() >= 0 && date.getUTCFullYear() < 10_000
