/** Refunds and disputes in events of providers. What they are of, and whether it was credits, only the payment says. */
import * as z from 'zod'
import type { ProviderName } from '../providers/provider.ts'
import { reference } from '../providers/stripe-shapes.ts'

/** Money that went back. */
export interface Reversal {
  readonly provider: ProviderName
  /** The provider's id of the refund or dispute. */
  readonly id: string
  /** Polar's order, or Stripe's payment intent. */
  readonly paymentId: string
  readonly kind: 'refund' | 'dispute'
  /** As the payment: with or without taxes. */
  readonly cents: number
  /** It did not go back after all. */
  readonly isUndone: boolean
}

const id = z.string().min(1)
const cents = z.int().min(0)

/** States in which a refund ends without having paid anything back. */
const FAILED = new Set(['failed', 'canceled'])

const PolarRefund = z.object({ data: z.object({ id, status: z.string(), order_id: id.nullish(), amount: cents }) })

/** A pending refund is not in the sum of its order yet. */
export function readPolarRefund(payload: unknown): Reversal | undefined {
  const { id, status, order_id, amount } = PolarRefund.parse(payload).data
  const isUndone = FAILED.has(status)
  if (!order_id || (status !== 'succeeded' && !isUndone)) return undefined
  return { provider: 'polar', id, paymentId: order_id, kind: 'refund', cents: amount, isUndone }
}

const StripeReversal = z.object({
  data: z.object({ object: z.object({ id, status: z.string().nullish(), payment_intent: reference, amount: cents }) }),
})

/** A pending refund is in the sum of its charge already. */
export function readStripeRefund(payload: unknown): Reversal | undefined {
  const { id, status, payment_intent: paymentId, amount } = StripeReversal.parse(payload).data.object
  if (paymentId === undefined) return undefined
  return { provider: 'stripe', id, paymentId, kind: 'refund', cents: amount, isUndone: FAILED.has(status ?? '') }
}

/** A dispute that is closed otherwise than lost takes nothing. */
export function readStripeDispute(payload: unknown): Reversal | undefined {
  const { id, status, payment_intent: paymentId, amount } = StripeReversal.parse(payload).data.object
  if (paymentId === undefined) return undefined
  return { provider: 'stripe', id, paymentId, kind: 'dispute', cents: amount, isUndone: status !== 'lost' }
}
