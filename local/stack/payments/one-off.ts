/** What is paid once, and not subscribed to: at both providers a checkout with a price of its own. */
import type { Checkout, Shop } from './shop.ts'

/** Money that moved for a checkout: Polar's order, Stripe's payment intent. */
export interface Payment {
  readonly id: string
  readonly checkout: Checkout
  readonly cents: number
  refundedCents: number
  readonly createdAt: Date
}

/** What a provider tells of it. */
export type PaymentEvent = 'paid' | 'refunded'

/** @returns false when the card is refused, or there is nothing to pay any more */
export function payOnce(shop: Shop, checkout: Checkout, cents: number): boolean {
  if (checkout.customer.cardFails || checkout.status !== 'open') return false
  checkout.status = 'succeeded'
  const payment: Payment = { id: shop.newId('payment'), checkout, cents, refundedCents: 0, createdAt: new Date() }
  shop.payments.set(payment.id, payment)
  checkout.paymentId = payment.id
  shop.tellPayment('paid', payment)
  return true
}

/** Pays back a part of a payment, or all that is left of it. */
export function refund(shop: Shop, payment: Payment, cents = payment.cents - payment.refundedCents): void {
  payment.refundedCents = Math.min(payment.cents, payment.refundedCents + cents)
  shop.tellPayment('refunded', payment)
}
