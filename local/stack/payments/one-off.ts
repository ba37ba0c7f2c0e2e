/** One-time payments, without a subscription: at both providers a checkout with a price of its own. */
import type { Checkout, Shop } from './shop.ts'

/** Money that was paid for a checkout: Polar's order, Stripe's payment intent. */
export interface Payment {
  readonly id: string
  readonly checkout: Checkout
  readonly cents: number
  refundedCents: number
  /** Absent in state that an earlier version saved. */
  refunds?: Refund[]
  readonly createdAt: Date
}

/** A part of a payment that went back: refunded by the seller, or taken in a dispute. */
export interface Refund {
  readonly id: string
  readonly cents: number
  readonly createdAt: Date
  hasFailed: boolean
}

/** The events that a provider sends about a payment, and about which part of it. */
export type PaymentEvent = 'paid' | 'refunded' | 'refund_failed' | 'dispute_lost'
export type TellPayment = (event: PaymentEvent, payment: Payment, refund?: Refund) => void

/** @returns false if the card is refused, or there is nothing left to pay */
export function payOnce(shop: Shop, checkout: Checkout, cents: number): boolean {
  if (checkout.customer.cardFails || checkout.status !== 'open') return false
  checkout.status = 'succeeded'
  const payment: Payment = { id: shop.newId('payment'), checkout, cents, refundedCents: 0, createdAt: new Date() }
  shop.payments.set(payment.id, payment)
  checkout.paymentId = payment.id
  shop.tellPayment('paid', payment)
  return true
}

/** Refunds a part of a payment, or the rest of it. */
export function refund(shop: Shop, payment: Payment, cents = payment.cents - payment.refundedCents): void {
  const one = newRefund(shop, 'refund', Math.min(cents, payment.cents - payment.refundedCents))
  payment.refunds = [...(payment.refunds ?? []), one]
  payment.refundedCents += one.cents
  shop.tellPayment('refunded', payment, one)
}

/** The customer's bank returns the latest refund, days after it seemed to succeed. @returns false if there is none */
export function failRefund(shop: Shop, payment: Payment): boolean {
  const one = payment.refunds?.findLast(({ hasFailed }) => !hasFailed)
  if (!one) return false
  one.hasFailed = true
  payment.refundedCents -= one.cents
  shop.tellPayment('refund_failed', payment, one)
  return true
}

/** The customer's bank takes back the payment, or a part of it, and wins the dispute. */
export function loseDispute(shop: Shop, payment: Payment, cents = payment.cents): void {
  shop.tellPayment('dispute_lost', payment, newRefund(shop, 'dispute', cents))
}

function newRefund(shop: Shop, kind: 'refund' | 'dispute', cents: number): Refund {
  return { id: shop.newId(kind), cents, createdAt: new Date(), hasFailed: false }
}
