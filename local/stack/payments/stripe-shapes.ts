/** Stripe's objects as in its API and webhooks, with the fields that are read. */

import type { Bought, Extra } from './bought.ts'
import { toCurrency, toInterval } from './products.ts'
import type { Checkout, Customer, Shop, Subscription } from './shop.ts'

const seconds = (time: Date) => Math.floor(time.getTime() / 1_000)
const orNull = (time: Date | null) => time && seconds(time)

export function stripeCustomer({ id, email, name, createdAt }: Customer) {
  return { id, object: 'customer', created: seconds(createdAt), email, name, metadata: {}, livemode: false }
}

export function stripeSession(checkout: Checkout, page: string | null) {
  const { id, customer, status, successUrl, cancelUrl, metadata, createdAt, subscriptionId, cents } = checkout
  return {
    id,
    object: 'checkout.session',
    created: seconds(createdAt),
    expires_at: seconds(createdAt) + 86_400,
    mode: cents === undefined ? 'subscription' : 'payment',
    ...(cents !== undefined && { amount_subtotal: cents, amount_total: cents }),
    currency: 'usd',
    payment_intent: checkout.paymentId ?? null,
    status: status === 'succeeded' ? 'complete' : status,
    payment_status: status === 'succeeded' ? 'paid' : 'unpaid',
    client_reference_id: customer.externalId,
    customer: customer.id,
    customer_email: customer.email,
    customer_details: { email: customer.email, name: customer.name },
    subscription: subscriptionId,
    success_url: successUrl,
    cancel_url: cancelUrl,
    metadata,
    livemode: false,
    url: status === 'open' ? page : null,
  }
}

/** @param extra the price of an item other than the first */
export const toItemId = ({ id }: Subscription, extra?: string) =>
  id.replace('sub_', 'si_') + (extra === undefined ? '' : `_${extra}`)
const findQuantity = (price: string, { products }: Shop, quantity = 1) =>
  products.get(price)?.metered ? undefined : quantity
const toScheduleId = (subscription: Subscription) => subscription.id.replace('sub_', 'sub_sched_')

/** The period is on the item: the subscription itself no longer has one. */
export function stripeSubscription(subscription: Subscription, shop: Shop, expanded: readonly string[] = []) {
  const isExpanded = (name: string) => expanded.some((one) => one.replace('data.', '').startsWith(name))
  const { id, customer, productId, quantity, periodStart, periodEnd, cancelAtPeriodEnd, endedAt } = subscription
  return {
    id,
    object: 'subscription',
    created: seconds(subscription.createdAt),
    start_date: seconds(subscription.createdAt),
    customer: isExpanded('customer') ? ofCheckout(customer) : customer.id,
    status: subscription.status === 'paused' ? 'active' : subscription.status,
    currency: subscription.currency ?? toCurrency(shop.products.get(productId)),
    collection_method: 'charge_automatically',
    billing_cycle_anchor: seconds(subscription.createdAt),
    cancel_at_period_end: cancelAtPeriodEnd,
    cancel_at: cancelAtPeriodEnd ? seconds(periodEnd) : null,
    canceled_at: orNull(subscription.canceledAt),
    ended_at: orNull(endedAt),
    trial_start: subscription.trialEnd && seconds(subscription.createdAt),
    trial_end: orNull(subscription.trialEnd),
    pause_collection: subscription.status === 'paused' ? { behavior: 'void', resumes_at: null } : null,
    pending_update: null,
    schedule: showSchedule(subscription, shop, isExpanded('schedule')),
    default_payment_method: isExpanded('default_payment_method') ? card(customer) : `pm_${customer.id}`,
    metadata: subscription.metadata,
    livemode: false,
    items: {
      object: 'list',
      has_more: false,
      data: [{ price: productId, quantity }, ...(subscription.extras ?? [])].map(
        ({ price, quantity: count }, place) => ({
          id: toItemId(subscription, place === 0 ? undefined : price),
          object: 'subscription_item',
          current_period_start: seconds(periodStart),
          current_period_end: seconds(periodEnd),
          price: stripePrice(price, shop),
          quantity: findQuantity(price, shop, count),
          subscription: id,
        }),
      ),
    },
  }
}

function showSchedule(subscription: Subscription, shop: Shop, isExpanded: boolean) {
  if (subscription.pending === null) return null
  return isExpanded ? stripeSchedule(subscription, shop) : toScheduleId(subscription)
}

function stripePrice(id: string, shop: Shop) {
  const product = shop.products.get(id)
  const recurring = {
    interval: toInterval(product),
    interval_count: 1,
    usage_type: product?.metered ? 'metered' : 'licensed',
    meter: null,
  }
  const tiered = { billing_scheme: 'tiered', tiers_mode: 'graduated', unit_amount: null }
  const single = { billing_scheme: 'per_unit', tiers_mode: null, unit_amount: product?.cents }
  return {
    id,
    object: 'price',
    active: true,
    currency: toCurrency(product),
    product: `prod_${product?.plan}`,
    ...(product?.seats ? tiered : single),
    recurring,
  }
}

export function stripeSchedule(subscription: Subscription, shop: Shop) {
  const { pending, periodStart, periodEnd } = subscription
  const phases = [{ start: periodStart, end: periodEnd as Date | null, items: listItems(subscription) }]
  if (pending !== null) phases.push({ start: periodEnd, end: null, items: listItems(pending) })
  return {
    id: toScheduleId(subscription),
    object: 'subscription_schedule',
    status: 'active',
    customer: subscription.customer.id,
    subscription: subscription.id,
    end_behavior: 'release',
    current_phase: { start_date: seconds(periodStart), end_date: seconds(periodEnd) },
    phases: phases.map(({ start, end, items }) => ({
      start_date: seconds(start),
      end_date: orNull(end),
      items: items.map(({ price, quantity }) => ({ price, quantity: findQuantity(price, shop, quantity) })),
    })),
  }
}

const listItems = ({ productId, quantity, extras = [] }: Bought): Extra[] => [{ price: productId, quantity }, ...extras]

/** Checkout makes a card the default of the subscription, not of the customer. */
const ofCheckout = (customer: Customer) => ({
  ...stripeCustomer(customer),
  invoice_settings: { default_payment_method: null },
})

const card = ({ id }: Customer) => ({
  id: `pm_${id}`,
  object: 'payment_method',
  type: 'card',
  card: { brand: 'visa', last4: '4242', exp_month: 12, exp_year: new Date().getUTCFullYear() + 3 },
})
