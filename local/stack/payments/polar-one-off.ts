import * as z from 'zod'
import type { Payment, PaymentEvent, Refund } from './one-off.ts'
import { polarCustomer } from './polar-shapes.ts'

/** The events for each, in Polar's order. */
export const PAYMENT_EVENTS: Readonly<Record<PaymentEvent, readonly string[]>> = {
  paid: ['order.created', 'order.updated', 'order.paid'],
  refunded: ['refund.created', 'order.updated', 'order.refunded'],
  refund_failed: ['order.updated', 'refund.updated'],
  dispute_lost: [], // Polar has no event for it
}

/** Ad-hoc prices, by product: a one-time product has one fixed price. */
export const AdHocPrices = z.record(
  z.string(),
  z
    .array(
      z.object({
        amount_type: z.literal('fixed'),
        price_amount: z.int().min(50).max(99_999_999),
        price_currency: z.literal('usd').default('usd'),
      }),
    )
    .length(1),
)

/** @returns the data of an event */
export function describePayment(type: string, payment: Payment, refund: Refund | undefined) {
  return refund && type.startsWith('refund.') ? polarRefund(payment, refund) : polarPayment(payment)
}

function polarRefund({ id: order_id, checkout }: Payment, { id, cents, createdAt, hasFailed }: Refund) {
  return {
    id,
    created_at: createdAt.toISOString(),
    modified_at: null,
    status: hasFailed ? 'failed' : 'succeeded',
    reason: 'customer_request',
    amount: cents,
    tax_amount: 0,
    currency: 'usd',
    order_id,
    subscription_id: null,
    customer_id: checkout.customer.id,
    dispute: null,
    metadata: {},
  }
}

/** An order without a subscription. Amounts exclude taxes, which do not exist here. */
export function polarPayment({ id, checkout, cents, refundedCents, createdAt }: Payment) {
  const isRefunded = refundedCents === cents
  return {
    id,
    created_at: createdAt.toISOString(),
    modified_at: null,
    status: isRefunded ? 'refunded' : refundedCents > 0 ? 'partially_refunded' : 'paid',
    paid: true,
    subtotal_amount: cents,
    discount_amount: 0,
    net_amount: cents,
    tax_amount: 0,
    total_amount: cents,
    due_amount: 0,
    refunded_amount: refundedCents,
    refunded_tax_amount: 0,
    currency: 'usd',
    billing_reason: 'purchase',
    customer_id: checkout.customer.id,
    product_id: checkout.productId,
    subscription_id: null,
    checkout_id: checkout.id,
    metadata: checkout.metadata,
    items: [],
    customer: polarCustomer(checkout.customer),
    subscription: null,
  }
}
