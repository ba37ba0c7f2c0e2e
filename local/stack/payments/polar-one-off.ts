import * as z from 'zod'
import type { Payment, PaymentEvent } from './one-off.ts'
import { polarCustomer } from './polar-shapes.ts'

/** What each is told as, in Polar's order. */
export const PAYMENT_EVENTS: Readonly<Record<PaymentEvent, readonly string[]>> = {
  paid: ['order.created', 'order.updated', 'order.paid'],
  refunded: ['order.updated', 'order.refunded'],
}

/** Ad-hoc prices, by product: of one that is paid once, one fixed price. */
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

/** An order without a subscription. Amounts are without taxes, of which there are none here. */
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
