/**
 * Payments of credits in events of providers. Amounts are those of the signed event: a payment's never change.
 */
import * as z from 'zod'
import { organizationIn } from '../providers/http.ts'
import type { ProviderName } from '../providers/provider.ts'
import { reference } from '../providers/stripe-shapes.ts'
import { isForCredits } from '../providers/top-up.ts'

/** What an event says of a payment of credits. Amounts in US cents. */
export interface CreditPayment {
  readonly provider: ProviderName
  /** Polar's order, or Stripe's payment intent. */
  readonly paymentId: string
  readonly organizationId: string
  readonly customerId: string | undefined
  /** The credits that were paid; absent if the event does not say that they were paid. */
  readonly creditCents: number | undefined
  /** The whole of what was paid, and how much of that was refunded as of the event, both with or both without taxes. */
  readonly paidCents: number
  readonly refundedCents: number
}

const id = z.string().min(1)
const cents = z.int().min(0)
const metadata = z.record(z.string(), z.unknown()).nullish()
const CURRENCY = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(z.literal('usd'))

const PolarOrder = z.object({
  data: z.object({
    id,
    metadata,
    status: z.string(),
    customer_id: id.nullish(),
    net_amount: cents,
    refunded_amount: cents.nullish(),
    currency: CURRENCY,
  }),
})

/** States of an order that was paid. */
const PAID = new Set(['paid', 'refunded', 'partially_refunded'])

/** @returns undefined for what was bought without a subscription, and is no credits */
export function readPolarPayment(payload: unknown): CreditPayment | undefined {
  if (!isForCredits(metadataIn(payload, 'data'))) return undefined
  const { data } = PolarOrder.parse(payload)
  const organizationId = organizationIn(data.metadata?.org_id)
  if (organizationId === undefined || !PAID.has(data.status)) return undefined
  return {
    provider: 'polar',
    paymentId: data.id,
    organizationId,
    customerId: data.customer_id ?? undefined,
    creditCents: data.net_amount,
    paidCents: data.net_amount,
    refundedCents: data.refunded_amount ?? 0,
  }
}

const StripeSession = z.object({
  data: z.object({
    object: z.object({
      payment_status: z.string(),
      payment_intent: reference,
      customer: reference,
      amount_subtotal: cents,
      amount_total: cents,
      currency: CURRENCY,
      metadata,
    }),
  }),
})

/** A method that takes days is paid only with a later event. */
export function readStripeSession(payload: unknown): CreditPayment | undefined {
  if (!isForCredits(metadataIn(payload, 'data', 'object'))) return undefined
  const session = StripeSession.parse(payload).data.object
  const organizationId = organizationIn(session.metadata?.org_id)
  const { payment_intent: paymentId, payment_status } = session
  if (organizationId === undefined || paymentId === undefined || payment_status !== 'paid') return undefined
  return {
    provider: 'stripe',
    paymentId,
    organizationId,
    customerId: session.customer,
    creditCents: session.amount_subtotal,
    paidCents: session.amount_total,
    refundedCents: 0,
  }
}

const StripeCharge = z.object({
  data: z.object({
    object: z.object({
      payment_intent: reference,
      customer: reference,
      amount: cents,
      amount_refunded: cents,
      currency: CURRENCY,
      metadata,
    }),
  }),
})

export function readStripeCharge(payload: unknown): CreditPayment | undefined {
  if (!isForCredits(metadataIn(payload, 'data', 'object'))) return undefined
  const charge = StripeCharge.parse(payload).data.object
  const organizationId = organizationIn(charge.metadata?.org_id)
  const { payment_intent: paymentId } = charge
  if (organizationId === undefined || paymentId === undefined) return undefined
  return {
    provider: 'stripe',
    paymentId,
    organizationId,
    customerId: charge.customer,
    creditCents: undefined,
    paidCents: charge.amount,
    refundedCents: charge.amount_refunded,
  }
}

function metadataIn(payload: unknown, ...path: readonly string[]): unknown {
  let found = payload
  for (const name of [...path, 'metadata'])
    found = typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[name] : undefined
  return found
}
