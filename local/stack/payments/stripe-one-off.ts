import type { Reply } from '../http.ts'
import type { Payment, PaymentEvent, Refund } from './one-off.ts'
import { stripeError } from './stripe-errors.ts'
import { type Form, textAt } from './stripe-form.ts'
import { stripeSession } from './stripe-shapes.ts'

/** The webhooks for each event. */
export const PAYMENT_EVENTS: Readonly<Record<PaymentEvent, readonly string[]>> = {
  paid: ['charge.succeeded', 'payment_intent.succeeded', 'checkout.session.completed'],
  refunded: ['refund.created', 'charge.refunded', 'refund.updated'],
  refund_failed: ['refund.updated', 'refund.failed'],
  dispute_lost: ['charge.dispute.closed'],
}

/** @returns the object of an event */
export function describePayment(type: string, payment: Payment, refund: Refund | undefined) {
  if (refund && type.startsWith('refund.')) return stripeRefund(payment, refund)
  if (refund && type.startsWith('charge.dispute.')) return stripeDispute(payment, refund)
  if (type.startsWith('checkout.')) return stripeSession(payment.checkout, null)
  return type.startsWith('charge.') ? stripeCharge(payment) : stripeIntent(payment)
}

function stripeIntent({ id, checkout, cents, createdAt }: Payment) {
  return {
    id,
    object: 'payment_intent',
    created: Math.floor(createdAt.getTime() / 1_000),
    amount: cents,
    amount_received: cents,
    currency: 'usd',
    customer: checkout.customer.id,
    latest_charge: id.replace('pi_', 'ch_'),
    metadata: checkout.paymentMetadata ?? {},
    status: 'succeeded',
    livemode: false,
  }
}

/** With its charge, as lists show it on request. */
export const expandPayment = (payment: Payment) => ({ ...stripeIntent(payment), latest_charge: stripeCharge(payment) })

const reversal = ({ id: payment_intent }: Payment, { id, cents, createdAt }: Refund) => ({
  id,
  amount: cents,
  charge: payment_intent.replace('pi_', 'ch_'),
  created: Math.floor(createdAt.getTime() / 1_000),
  currency: 'usd',
  metadata: {},
  payment_intent,
})

/** It does not have the payment's metadata. */
const stripeRefund = (payment: Payment, refund: Refund) => ({
  ...reversal(payment, refund),
  object: 'refund',
  status: refund.hasFailed ? 'failed' : 'succeeded',
})

const stripeDispute = (payment: Payment, dispute: Refund) => ({
  ...reversal(payment, dispute),
  object: 'dispute',
  reason: 'fraudulent',
  status: 'lost',
  livemode: false,
})

/** It has the metadata of its payment intent. */
function stripeCharge({ id, checkout, cents, refundedCents, createdAt }: Payment) {
  return {
    id: id.replace('pi_', 'ch_'),
    object: 'charge',
    created: Math.floor(createdAt.getTime() / 1_000),
    amount: cents,
    amount_captured: cents,
    amount_refunded: refundedCents,
    refunded: refundedCents === cents,
    currency: 'usd',
    customer: checkout.customer.id,
    payment_intent: id,
    invoice: null,
    metadata: checkout.paymentMetadata ?? {},
    paid: true,
    status: 'succeeded',
    livemode: false,
  }
}

/** The price of a session of mode `payment`. @returns the refusal of a form without one */
export function readCents(form: Form): number | Reply {
  const item = form.line_items
  const first = typeof item === 'object' ? item[0] : undefined
  if (typeof first !== 'object')
    return stripeError('parameter_missing', 'Missing required param: line_items.', 'line_items')
  const cents = Number(textAt(first, 'price_data', 'unit_amount')) * Number(textAt(first, 'quantity') ?? 1)
  const hasName = textAt(first, 'price_data', 'product_data', 'name') !== undefined
  if (!hasName || textAt(first, 'price_data', 'currency') !== 'usd')
    return stripeError('parameter_missing', 'Missing required param: price_data.', 'line_items[0][price_data]')
  if (!Number.isSafeInteger(cents) || cents < 50)
    return stripeError('amount_too_small', 'The amount must be at least 50 cents.', 'line_items[0][price_data]')
  return cents
}
