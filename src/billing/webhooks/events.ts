/** What an event of a provider is about. Nothing else in it is trusted, because it may be outdated. */
import * as z from 'zod'
import type { ProviderName } from '../providers/provider.ts'
import { reference } from '../providers/stripe-shapes.ts'
import { type CreditPayment, readPolarPayment, readStripeCharge, readStripeSession } from './payments.ts'
import { type Reversal, readPolarRefund, readStripeDispute, readStripeRefund } from './reversals.ts'

/** What to check again. */
export interface Subject {
  readonly subscriptionId?: string | undefined
  /** All subscriptions of a customer. */
  readonly customer?: { readonly id: string; readonly externalId?: string | undefined; readonly isGone: boolean }
  /**
   * A refunded charge: when it was made and, if it does not name its subscription, its payment. After a dispute, the
   * time is that of the loss, whichever charge it was about: the current period is no longer in force.
   */
  readonly refund?: {
    readonly chargedAt: Date
    readonly paymentId?: string | undefined
    readonly isDisputed?: boolean
  }
  /** A payment of credits, with what is known of it now. */
  readonly payment?: CreditPayment | undefined
  /** Money that went back, or did not after all, of a payment that may be of credits. */
  readonly reversal?: Reversal | undefined
}

type Reader = (payload: unknown) => Subject

/** Why a charge was made. Only the price of a period buys the plan for that period. */
const FOR_PERIOD = new Set(['subscription_create', 'subscription_cycle'])
export const isForPeriod = (reason: string | null | undefined) => FOR_PERIOD.has(reason ?? '')

const id = z.string().min(1)
const OfPolar = <Shape extends z.ZodRawShape>(shape: Shape) => z.object({ data: z.object(shape) })
const OfStripe = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.object({ data: z.object({ object: z.object(shape) }) })

const PolarSubject = OfPolar({ id })
const PolarOrder = OfPolar({
  status: z.string(),
  subscription_id: id.nullish(),
  billing_reason: z.string().nullish(),
  created_at: z.string().pipe(z.coerce.date()),
})
const PolarRefund = OfPolar({
  status: z.string(),
  subscription_id: id.nullish(),
  created_at: z.string().pipe(z.coerce.date()),
  dispute: z.object({ status: z.string() }).nullish(),
})
const PolarCustomer = OfPolar({ id, external_id: z.string().nullish() })

const polarSubscription: Reader = (payload) => ({ subscriptionId: PolarSubject.parse(payload).data.id })

const polarOrder: Reader = (payload) => {
  const { status, subscription_id, billing_reason, created_at } = PolarOrder.parse(payload).data
  if (!subscription_id) return { payment: readPolarPayment(payload) }
  const isRefunded = status === 'refunded' && isForPeriod(billing_reason)
  return { subscriptionId: subscription_id, ...(isRefunded && { refund: { chargedAt: created_at } }) }
}

/** Refunds are reported by their orders. A refund after a dispute counts for whichever charge was disputed. */
const polarRefund: Reader = (payload) => {
  const { status, subscription_id, created_at, dispute } = PolarRefund.parse(payload).data
  if (!subscription_id) return { reversal: readPolarRefund(payload) }
  if (!dispute) return {}
  const isLost = dispute.status === 'lost' || (status === 'succeeded' && dispute.status !== 'won')
  return isLost ? { subscriptionId: subscription_id, refund: { chargedAt: created_at, isDisputed: true } } : {}
}

const polarCustomer =
  (isGone: boolean): Reader =>
  (payload) => {
    const { id, external_id } = PolarCustomer.parse(payload).data
    return { customer: { id, externalId: external_id ?? undefined, isGone } }
  }

const StripeObject = OfStripe({ id })
const StripeSession = OfStripe({ subscription: reference })
const StripeInvoice = OfStripe({
  subscription: reference,
  parent: z.object({ subscription_details: z.object({ subscription: reference }).nullish() }).nullish(),
})
const StripeCharge = OfStripe({ refunded: z.boolean(), payment_intent: reference, created: z.number() })

const StripeDispute = OfStripe({ status: z.string(), payment_intent: reference }).and(z.object({ created: z.number() }))

const stripeSubscription: Reader = (payload) => ({ subscriptionId: StripeObject.parse(payload).data.object.id })

const stripeSession: Reader = (payload) => ({
  subscriptionId: StripeSession.parse(payload).data.object.subscription,
  payment: readStripeSession(payload),
})

const stripeInvoice: Reader = (payload) => {
  const { parent, subscription } = StripeInvoice.parse(payload).data.object
  return { subscriptionId: parent?.subscription_details?.subscription ?? subscription }
}

const stripeCharge: Reader = (payload) => {
  const payment = readStripeCharge(payload)
  if (payment) return { payment }
  const { refunded, payment_intent, created } = StripeCharge.parse(payload).data.object
  if (!refunded || payment_intent === undefined) return {}
  return { refund: { chargedAt: new Date(created * 1000), paymentId: payment_intent } }
}

const stripeDispute: Reader = (payload) => {
  const { created, data } = StripeDispute.parse(payload)
  const { status, payment_intent } = data.object
  const reversal = readStripeDispute(payload)
  if (status !== 'lost' || payment_intent === undefined) return { reversal }
  return { reversal, refund: { chargedAt: new Date(created * 1000), paymentId: payment_intent, isDisputed: true } }
}

const stripeRefund: Reader = (payload) => ({ reversal: readStripeRefund(payload) })

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
