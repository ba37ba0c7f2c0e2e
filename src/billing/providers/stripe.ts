import type { Config } from '../../config.ts'
import { readPayments, readStripeSession } from './credit-payments.ts'
import { type Caller, openCaller, readRows, withCheckoutId } from './http.ts'
import type { BillingProvider, CheckoutInput, PaymentMethod } from './provider.ts'
import { getInvoiceState, SEND_USAGE_MS, sendUsage } from './stripe-overage.ts'
import { cancelAtPeriodEnd, changePlan, findSubscription, resume, toPath } from './stripe-plan.ts'
import {
  chargedPeriod,
  encodeForm,
  isStripeCustomerMissing,
  StripeCheckout,
  StripeId,
  StripePage,
  StripePaidWith,
  StripePayments,
  StripePortal,
  StripeSubscription,
  stripeReason,
  toSubscription,
} from './stripe-shapes.ts'
import { createStripeTopUp } from './top-up.ts'

/** Stripe's API is versioned by date; an account's own default may differ. */
const VERSION = '2026-10-28.endive'
const WITH_PARTS = { 'expand[0]': 'data.schedule', 'expand[1]': 'data.customer' }
/** The largest page size. */
const PAGE = '100'

/** Stripe, by plain requests to its API. @see https://docs.stripe.com/api */
export function openStripe({ STRIPE_API_URL, STRIPE_SECRET_KEY }: Config): BillingProvider {
  const stripe = openCaller({
    name: 'stripe',
    baseUrl: STRIPE_API_URL,
    headers: {
      Authorization: `Bearer ${STRIPE_SECRET_KEY}`,
      'Content-Type': 'application/x-www-form-urlencoded',
      'Stripe-Version': VERSION,
    },
    encode: encodeForm,
    reason: stripeReason,
    lacksCustomer: isStripeCustomerMissing,
  })
  return {
    name: 'stripe',
    createCheckout: (input) => createCheckout(stripe, input),
    createTopUp: (input) => createStripeTopUp(stripe, input),
    createPortal: async ({ customerId, returnUrl }) => {
      const body = { customer: customerId, return_url: returnUrl }
      const { url } = await stripe.ask(['POST', '/billing_portal/sessions'], StripePortal, { body })
      return { url }
    },
    getSubscription: (id) => findSubscription(stripe, id),
    listSubscriptions: (cursor) => listSubscriptions(stripe, cursor),
    listCreditPayments: (since, cursor) => listCreditPayments(stripe, since, cursor),
    findSubscriptions: (of) => findSubscriptions(stripe, of),
    changePlan: (change) => changePlan(stripe, change),
    cancelAtPeriodEnd: (id) => cancelAtPeriodEnd(stripe, id),
    resume: (id) => resume(stripe, id),
    sendUsage: (amounts) => sendUsage(stripe, amounts),
    sendUsageMs: SEND_USAGE_MS,
    getPaymentMethod: (id) => getPaymentMethod(stripe, id),
    getInvoiceState: (id) => getInvoiceState(stripe, id),
    subscriptionOfPayment: (id) => subscriptionOfPayment(stripe, id),
  }
}

/** The organization is in the subscription's own metadata: a session's metadata is not copied. */
async function createCheckout(stripe: Caller, input: CheckoutInput) {
  const { organizationId, plan, addons = [], meteredProducts = [], trialDays = 0 } = input
  const { email, successUrl, cancelUrl, customerId } = input
  const metadata = { org_id: organizationId }
  const body = {
    mode: 'subscription',
    line_items: [
      ...[plan, ...addons].map(({ product: price, quantity = 1 }) => ({ price, quantity })),
      ...meteredProducts.map((price) => ({ price })),
    ],
    ...(customerId === undefined ? { customer_email: email } : { customer: customerId }),
    client_reference_id: organizationId,
    metadata,
    subscription_data: { metadata, ...(trialDays > 0 && { trial_period_days: trialDays }) },
    success_url: withCheckoutId(successUrl, '{CHECKOUT_SESSION_ID}'),
    cancel_url: cancelUrl,
  }
  const { idempotencyKey } = input
  const { id, url } = await stripe.ask(['POST', '/checkout/sessions'], StripeCheckout, { body, idempotencyKey })
  return { id, url }
}

async function listSubscriptions(stripe: Caller, cursor?: string) {
  const query = {
    status: 'all',
    limit: PAGE,
    ...WITH_PARTS,
    ...(cursor !== undefined && { starting_after: cursor }),
  }
  const { data, has_more } = await stripe.ask(['GET', '/subscriptions'], StripePage, { query })
  const { read, unreadable } = readRows('stripe', StripeSubscription, data)
  const last = StripeId.safeParse(data.at(-1)).data?.id
  return { subscriptions: read.map(toSubscription), unreadable, next: has_more ? last : undefined }
}

async function listCreditPayments(stripe: Caller, since: Date, cursor?: string) {
  const query = {
    status: 'complete',
    limit: PAGE,
    'created[gte]': String(Math.floor(since.getTime() / 1_000)),
    'expand[]': 'data.payment_intent.latest_charge',
    ...(cursor !== undefined && { starting_after: cursor }),
  }
  const { data, has_more } = await stripe.ask(['GET', '/checkout/sessions'], StripePage, { query })
  const last = StripeId.safeParse(data.at(-1)).data?.id
  return { ...readPayments('stripe', readStripeSession, data), next: has_more ? last : undefined }
}

async function findSubscriptions(stripe: Caller, of: { organizationId: string; customerId?: string | undefined }) {
  const { organizationId, customerId } = of
  const common = { limit: PAGE, ...WITH_PARTS }
  const { data } =
    customerId === undefined
      ? await stripe.ask(['GET', '/subscriptions/search'], StripePage, {
          query: { ...common, query: `metadata['org_id']:'${organizationId}'` },
        })
      : await stripe.ask(['GET', '/subscriptions'], StripePage, {
          query: { ...common, customer: customerId, status: 'all' },
        })
  const { read } = readRows('stripe', StripeSubscription, data)
  return read.map(toSubscription).filter((one) => one.organizationId === organizationId)
}

async function getPaymentMethod(stripe: Caller, subscriptionId: string): Promise<PaymentMethod | undefined> {
  const query = {
    'expand[0]': 'default_payment_method',
    'expand[1]': 'customer.invoice_settings.default_payment_method',
  }
  const found = await stripe.find(toPath(subscriptionId), StripePaidWith, { query })
  const card = found?.default_payment_method?.card ?? found?.customer.invoice_settings?.default_payment_method?.card
  if (!card) return undefined
  return { brand: card.brand, last4: card.last4, expiresMonth: card.exp_month, expiresYear: card.exp_year }
}

/** Since 2025, neither a charge nor a payment names its invoice; the object that joins them does. */
async function subscriptionOfPayment(stripe: Caller, paymentId: string) {
  const query = {
    'payment[type]': 'payment_intent',
    'payment[payment_intent]': paymentId,
    'expand[]': 'data.invoice',
  }
  const { data } = await stripe.ask(['GET', '/invoice_payments'], StripePayments, { query })
  const invoice = data[0]?.invoice
  const subscriptionId = invoice?.parent?.subscription_details?.subscription
  if (!invoice || subscriptionId === undefined) return undefined
  return { subscriptionId, reason: invoice.billing_reason ?? '', periodStart: chargedPeriod(invoice) }
}
