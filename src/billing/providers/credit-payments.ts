/**
 * Payments of credits, in events of providers and in their lists. Amounts are the provider's: a payment's never change.
 */
import * as z from 'zod'
import { logUnreadable, organizationIn } from './http.ts'
import type { ProviderName } from './provider.ts'
import { reference } from './stripe-shapes.ts'
import { isForCredits } from './top-up.ts'

/** A payment of credits according to an event. Amounts in US cents. */
export interface CreditPayment {
  readonly provider: ProviderName
  /** Polar's order, or Stripe's payment intent. */
  readonly paymentId: string
  readonly organizationId: string
  readonly customerId: string | undefined
  /** The credits that were paid for; absent if the event does not report a payment. */
  readonly creditCents: number | undefined
  /** The total payment, and the part of it that was refunded as of the event, both with or both without taxes. */
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
  id,
  metadata,
  status: z.string(),
  customer_id: id.nullish(),
  net_amount: cents,
  refunded_amount: cents.nullish(),
  currency: CURRENCY,
})

/** States of an order that was paid. */
const PAID = new Set(['paid', 'refunded', 'partially_refunded'])

/** @returns undefined for a purchase without a subscription that is not credits */
export function readPolarOrder(order: unknown): CreditPayment | undefined {
  if (!isForCredits(metadataOf(order))) return undefined
  const data = PolarOrder.parse(order)
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
  payment_status: z.string(),
  payment_intent: reference,
  customer: reference,
  amount_subtotal: cents,
  amount_total: cents,
  currency: CURRENCY,
  metadata,
})

/** A payment method that takes days is reported as paid only in a later event. */
export function readStripeSession(object: unknown): CreditPayment | undefined {
  if (!isForCredits(metadataOf(object))) return undefined
  const session = StripeSession.parse(object)
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
    refundedCents: ExpandedCharge.safeParse(object).data?.payment_intent.latest_charge.amount_refunded ?? 0,
  }
}

/** In a list, which is requested with it: an event contains only the payment's id. */
const ExpandedCharge = z.object({
  payment_intent: z.object({ latest_charge: z.object({ amount_refunded: cents }) }),
})

const StripeCharge = z.object({
  payment_intent: reference,
  customer: reference,
  amount: cents,
  amount_refunded: cents,
  currency: CURRENCY,
  metadata,
})

export function readStripeCharge(object: unknown): CreditPayment | undefined {
  if (!isForCredits(metadataOf(object))) return undefined
  const charge = StripeCharge.parse(object)
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

/** The payments of credits in a list, and the ids of those with an unknown shape. */
export function readPayments(
  name: ProviderName,
  read: (row: unknown) => CreditPayment | undefined,
  rows: readonly unknown[],
): { payments: CreditPayment[]; unreadable: string[] } {
  const found: { payments: CreditPayment[]; unreadable: string[] } = { payments: [], unreadable: [] }
  for (const row of rows) {
    try {
      found.payments.push(...[read(row) ?? []].flat())
    } catch (error) {
      if (!(error instanceof z.ZodError)) throw error
      found.unreadable.push(logUnreadable(name, row, error))
    }
  }
  return found
}

const metadataOf = (object: unknown): unknown =>
  z.looseObject({ metadata: z.unknown() }).safeParse(object).data?.metadata
