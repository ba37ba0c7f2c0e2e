/** One-time payments for prepaid credits, in the form of each provider. */
import * as z from 'zod'
import { type Caller, withCheckoutId } from './http.ts'
import { PolarCheckout } from './polar-shapes.ts'
import type { TopUpInput } from './provider.ts'
import { StripeCheckout } from './stripe-shapes.ts'

/** The purpose of the payment, in the metadata of every object that results from it. */
const KIND = { kind: 'credits' } as const
const CURRENCY = 'usd'

/** Whether a payment's metadata says that it is for credits. */
export const isForCredits = (metadata: unknown): boolean =>
  z.looseObject({ kind: z.literal('credits') }).safeParse(metadata).success

const toMetadata = (organizationId: string) => ({ org_id: organizationId, ...KIND })

/**
 * A checkout of the one-time product with an ad-hoc price. Polar copies the metadata to the order.
 *
 * @see https://polar.sh/docs/features/checkout/session (ad-hoc prices)
 */
export async function createPolarTopUp(polar: Caller, product: string, input: TopUpInput) {
  const { organizationId, cents, email, name, successUrl, cancelUrl, customerId } = input
  const body = {
    products: [product],
    prices: { [product]: [{ amount_type: 'fixed', price_amount: cents, price_currency: CURRENCY }] },
    allow_discount_codes: false,
    ...(customerId === undefined ? { external_customer_id: organizationId } : { customer_id: customerId }),
    customer_email: email,
    ...(name !== undefined && { customer_name: name.slice(0, 256) }),
    success_url: withCheckoutId(successUrl, '{CHECKOUT_ID}'),
    return_url: cancelUrl,
    metadata: toMetadata(organizationId),
  }
  const { id, url } = await polar.ask(['POST', '/checkouts/'], PolarCheckout, { body })
  return { id, url }
}

/**
 * A session of mode `payment` with its price inline. Its metadata is not copied to the payment; the payment's metadata is
 * copied to the charge, which refund events contain.
 *
 * @see https://docs.stripe.com/api/checkout/sessions/create
 */
export async function createStripeTopUp(stripe: Caller, input: TopUpInput) {
  const { organizationId, cents, email, successUrl, cancelUrl, customerId, idempotencyKey } = input
  const metadata = toMetadata(organizationId)
  const product_data = { name: 'Prepaid credits' }
  const body = {
    mode: 'payment',
    line_items: [{ price_data: { currency: CURRENCY, unit_amount: cents, product_data }, quantity: 1 }],
    ...(customerId === undefined ? { customer_email: email, customer_creation: 'always' } : { customer: customerId }),
    client_reference_id: organizationId,
    metadata,
    payment_intent_data: { metadata },
    success_url: withCheckoutId(successUrl, '{CHECKOUT_SESSION_ID}'),
    cancel_url: cancelUrl,
  }
  const { id, url } = await stripe.ask(['POST', '/checkout/sessions'], StripeCheckout, { body, idempotencyKey })
  return { id, url }
}
