/** Polar's objects as in its API and webhooks, with the fields that are read. */
import { toCents, toCurrency, toInterval } from './products.ts'
import type { Checkout, Customer, Order, Shop, Subscription } from './shop.ts'

export function polarCustomer({ id, externalId, email, name, createdAt }: Customer) {
  return {
    id,
    created_at: createdAt.toISOString(),
    modified_at: null,
    external_id: externalId,
    email,
    email_verified: false,
    name,
    type: 'individual',
    metadata: {},
    deleted_at: null,
  }
}

export function polarCheckout(checkout: Checkout, page: string, shop: Shop) {
  const { id, customer, productId, status, successUrl, cancelUrl, metadata, createdAt, subscriptionId } = checkout
  return {
    id,
    created_at: createdAt.toISOString(),
    modified_at: null,
    status,
    client_secret: `polar_c_${id}`,
    url: page,
    success_url: successUrl,
    return_url: cancelUrl,
    expires_at: new Date(createdAt.getTime() + 3_600_000).toISOString(),
    product_id: productId,
    amount: checkout.cents ?? toCents(shop.products.get(productId), checkout.quantity, checkout.currency),
    currency: checkout.currency ?? toCurrency(shop.products.get(productId)),
    seats: checkout.quantity ?? null,
    trial_interval: checkout.trialDays ? 'day' : null,
    trial_interval_count: checkout.trialDays ?? null,
    customer_id: customer.id,
    external_customer_id: customer.externalId,
    customer_email: customer.email,
    subscription_id: subscriptionId,
    metadata,
  }
}

export function polarSubscription(subscription: Subscription, shop: Shop) {
  return { ...stateSubscription(subscription, shop), ...describeRest(subscription, shop) }
}

/** A subscription as in a customer's state. */
function stateSubscription(subscription: Subscription, shop: Shop) {
  const product = shop.products.get(subscription.productId)
  return {
    id: subscription.id,
    created_at: subscription.createdAt.toISOString(),
    modified_at: subscription.modifiedAt.toISOString(),
    status: subscription.status,
    product_id: subscription.productId,
    amount: toCents(product, subscription.quantity, subscription.currency),
    currency: subscription.currency ?? toCurrency(product),
    recurring_interval: toInterval(product),
    recurring_interval_count: 1,
    current_period_start: subscription.periodStart.toISOString(),
    current_period_end: subscription.periodEnd.toISOString(),
    trial_start: subscription.trialEnd && subscription.createdAt.toISOString(),
    trial_end: iso(subscription.trialEnd),
    cancel_at_period_end: subscription.cancelAtPeriodEnd,
    canceled_at: iso(subscription.canceledAt),
    started_at: subscription.createdAt.toISOString(),
    ends_at: iso(subscription.endedAt ?? (subscription.cancelAtPeriodEnd ? subscription.periodEnd : null)),
    discount_id: null,
    seats: subscription.quantity ?? null,
    units: null,
    meters: [],
    metadata: subscription.metadata,
  }
}

function describeRest(subscription: Subscription, shop: Shop) {
  const { pending, productId, quantity } = subscription
  const product = shop.products.get(productId)
  return {
    ended_at: iso(subscription.endedAt),
    past_due_at: iso(subscription.pastDueAt),
    current_meter_period_start: null,
    current_meter_period_end: null,
    pause_at_period_end: subscription.pauseAtPeriodEnd === true,
    paused_at: null,
    resumes_at: null,
    customer_id: subscription.customer.id,
    customer: polarCustomer(subscription.customer),
    checkout_id: subscription.checkoutId,
    product: { id: productId, name: product?.name ?? '', is_recurring: true, metadata: {} },
    prices: [],
    pending_update: pending && {
      id: subscription.id,
      applies_at: subscription.periodEnd.toISOString(),
      product_id: pending.productId === productId ? null : pending.productId,
      seats: pending.quantity === quantity ? null : (pending.quantity ?? null),
      units: null,
    },
  }
}

export function polarOrder(order: Order, subscription: Subscription, shop: Shop) {
  const { id, cents, currency, paid, reason, createdAt } = order
  return {
    id,
    created_at: createdAt.toISOString(),
    modified_at: null,
    status: paid ? 'paid' : 'pending',
    paid,
    subtotal_amount: cents,
    discount_amount: 0,
    net_amount: cents,
    tax_amount: 0,
    total_amount: cents,
    due_amount: paid ? 0 : cents,
    refunded_amount: 0,
    currency,
    billing_reason: reason,
    customer_id: subscription.customer.id,
    product_id: subscription.productId,
    subscription_id: subscription.id,
    checkout_id: subscription.checkoutId,
    metadata: {},
    items: [],
    customer: polarCustomer(subscription.customer),
    subscription: polarSubscription(subscription, shop),
  }
}

interface MeterSum {
  readonly name: string
  readonly units: number
}

/** Everything that decides what a customer may have. */
export function polarCustomerState(customer: Customer, shop: Shop, sums: readonly MeterSum[]) {
  const own = [...shop.subscriptions.values()].filter((one) => one.customer === customer && !one.endedAt)
  return {
    ...polarCustomer(customer),
    active_subscriptions: own.map((one) => stateSubscription(one, shop)),
    granted_benefits: [],
    active_meters: sums.map(({ name, units }) => ({
      id: name,
      meter_id: name,
      consumed_units: units,
      credited_units: 0,
      balance: -units,
    })),
  }
}

const iso = (time: Date | null) => time?.toISOString() ?? null
