/** Refunds and disputes in provider events. Only the payment shows what they are for, and whether it was credits. */
import * as z from 'zod'
import type { ProviderName } from '../providers/provider.ts'
import { reference } from '../providers/stripe-shapes.ts'

/** A refund or a lost dispute. */
export interface Reversal {
  readonly provider: ProviderName
  /** The provider's id of the refund or dispute. */
  readonly id: string
  /** Polar's order, or Stripe's payment intent. */
  readonly paymentId: string
  readonly kind: 'refund' | 'dispute'
  /** In the smallest unit of the currency; with or without taxes, like the payment. */
  readonly cents: number
  /** ISO 4217, in lower case. A dispute's currency may differ from the payment's. */
  readonly currency: string
  /** The reversal failed. */
  readonly isUndone: boolean
  /** The provider's own sum of the payment's refunds included it: if it fails, the highest known sum is too high. */
  readonly wasSummed: boolean
}

const id = z.string().min(1)
const cents = z.int().min(0)
const currency = z.string().transform((text) => text.toLowerCase())

/** States in which a refund ends without paying anything back. */
const FAILED = new Set(['failed', 'canceled'])

const PolarRefund = z.object({
  data: z.object({ id, status: z.string(), order_id: id.nullish(), amount: cents, currency }),
})

/** Polar adds a refund to the sum of its order when it has succeeded: one that fails while pending was never included. */
export function readPolarRefund(payload: unknown): Reversal | undefined {
  const { id, status, order_id: paymentId, amount, currency } = PolarRefund.parse(payload).data
  const isUndone = FAILED.has(status)
  const wasSummed = status === 'succeeded'
  if (!paymentId || (!wasSummed && !isUndone)) return undefined
  return { provider: 'polar', id, paymentId, kind: 'refund', cents: amount, currency, isUndone, wasSummed }
}

const StripeReversal = z.object({
  data: z.object({
    object: z.object({ id, status: z.string().nullish(), payment_intent: reference, amount: cents, currency }),
  }),
})

/** Stripe adds a refund to the sum of its charge immediately, while it is pending. */
export function readStripeRefund(payload: unknown): Reversal | undefined {
  const { id, status, payment_intent: paymentId, amount, currency } = StripeReversal.parse(payload).data.object
  if (paymentId === undefined) return undefined
  const isUndone = FAILED.has(status ?? '')
  return { provider: 'stripe', id, paymentId, kind: 'refund', cents: amount, currency, isUndone, wasSummed: true }
}

/** States in which a dispute ends without taking anything. All others except `lost` are undecided. */
const NOT_LOST = new Set(['won', 'warning_closed'])

/** A dispute is never included in the sum of its charge's refunds. */
export function readStripeDispute(payload: unknown): Reversal | undefined {
  const { id, status, payment_intent: paymentId, amount, currency } = StripeReversal.parse(payload).data.object
  const isUndone = NOT_LOST.has(status ?? '')
  if (paymentId === undefined || (status !== 'lost' && !isUndone)) return undefined
  return { provider: 'stripe', id, paymentId, kind: 'dispute', cents: amount, currency, isUndone, wasSummed: false }
}
