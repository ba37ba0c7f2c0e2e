/** What both local providers have in common: customers, checkouts, subscriptions and what happens to them. */

import { type Bought, differenceIn, type Extra, intervalOf, isSame, periodAfter, sumCents } from './bought.ts'
import type { Happening } from './happenings.ts'
import { type Payment, payOnce, type TellPayment } from './one-off.ts'
import { type Product, toCurrency } from './products.ts'

const DAY_MS = 86_400_000

export interface Customer {
  readonly id: string
  /** The organization, as Polar receives it; Stripe has it in metadata. */
  readonly externalId: string | null
  readonly email: string
  readonly name: string | null
  readonly createdAt: Date
  /** While set, every payment is refused. */
  cardFails: boolean
}

export interface Checkout {
  readonly id: string
  readonly customer: Customer
  readonly productId: string
  readonly quantity?: number | undefined
  readonly currency?: string | undefined
  /** The number of days in which nothing is charged. */
  readonly trialDays?: number | undefined
  readonly successUrl: string
  readonly cancelUrl: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly subscriptionMetadata: Readonly<Record<string, string>>
  /** The amount of a one-time payment without a subscription; and the payment, once there is one. */
  readonly cents?: number | undefined
  paymentId?: string
  /** Metadata of only the payment (Stripe). */
  readonly paymentMetadata?: Readonly<Record<string, string>>
  /** Prices besides the product (Stripe): add-ons and metered ones. */
  readonly extras?: readonly Extra[] | undefined
  readonly createdAt: Date
  status: 'open' | 'succeeded' | 'expired'
  subscriptionId: string | null
}

export interface Subscription {
  readonly id: string
  readonly customer: Customer
  readonly checkoutId: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly createdAt: Date
  productId: string
  quantity?: number | undefined
  currency?: string | undefined
  extras?: readonly Extra[] | undefined
  /** What it contains from the next period on. */
  pending: Bought | null
  trialEnd: Date | null
  status: 'trialing' | 'active' | 'past_due' | 'unpaid' | 'paused' | 'canceled'
  periodStart: Date
  periodEnd: Date
  cancelAtPeriodEnd: boolean
  pauseAtPeriodEnd?: boolean
  canceledAt: Date | null
  endedAt: Date | null
  pastDueAt: Date | null
  modifiedAt: Date
}

/** Money that was paid, or should have been. */
export interface Order {
  readonly id: string
  readonly subscriptionId: string
  readonly customerId: string
  readonly cents: number
  readonly currency: string
  readonly reason: 'subscription_create' | 'subscription_update' | 'subscription_cycle'
  readonly paid: boolean
  readonly createdAt: Date
}

export type Tell = (
  happening: Happening,
  about: { subscription: Subscription; order?: Order; checkout?: Checkout },
) => void

export interface Shop {
  readonly products: Map<string, Product>
  readonly customers: Map<string, Customer>
  readonly checkouts: Map<string, Checkout>
  readonly subscriptions: Map<string, Subscription>
  readonly orders: Order[]
  /** One-time payments, by id. */
  readonly payments: Map<string, Payment>
  readonly newId: (
    kind: 'customer' | 'checkout' | 'subscription' | 'order' | 'payment' | 'refund' | 'dispute',
  ) => string
  readonly tell: Tell
  /** Whether a change of seats is charged as one difference, rounded down (Polar). */
  readonly roundsSeats?: boolean
  readonly tellPayment: TellPayment
  /** Adds the items that wait for a subscription's next invoice to an order (Stripe). @returns the cents that this adds */
  pullItems?: (subscription: Subscription, orderId: string) => number
}

type NewShop = Pick<Shop, 'products' | 'newId' | 'tell' | 'tellPayment' | 'roundsSeats'>

export function openShop({ products, newId, tell, tellPayment, roundsSeats = false }: NewShop): Shop {
  return {
    products,
    roundsSeats,
    customers: new Map(),
    checkouts: new Map(),
    subscriptions: new Map(),
    orders: [],
    payments: new Map(),
    newId,
    tell,
    tellPayment,
  }
}

export function addCustomer(shop: Shop, fields: { externalId: string | null; email: string; name: string | null }) {
  const customer: Customer = { id: shop.newId('customer'), ...fields, createdAt: new Date(), cardFails: false }
  shop.customers.set(customer.id, customer)
  return customer
}

type NewCheckout = Omit<Checkout, 'id' | 'createdAt' | 'status' | 'subscriptionId'>

export function addCheckout(shop: Shop, fields: NewCheckout): Checkout {
  const rest = { createdAt: new Date(), status: 'open', subscriptionId: null } as const
  const checkout: Checkout = { id: shop.newId('checkout'), ...fields, ...rest }
  shop.checkouts.set(checkout.id, checkout)
  return checkout
}

/** @returns false if the card is refused, or there is nothing left to pay */
export function payCheckout(shop: Shop, checkout: Checkout): boolean {
  if (checkout.cents !== undefined) return payOnce(shop, checkout, checkout.cents)
  if (checkout.customer.cardFails || checkout.status !== 'open') return false
  const { customer, productId, quantity, currency, subscriptionMetadata: metadata, extras = [], trialDays } = checkout
  const bought = { customer, productId, quantity, currency, checkoutId: checkout.id, metadata, extras }
  const subscription = begin(shop, bought, trialDays)
  Object.assign(checkout, { status: 'succeeded', subscriptionId: subscription.id })
  const cents = subscription.trialEnd ? 0 : sumCents(shop, subscription)
  const order = charge(shop, subscription, { cents, reason: 'subscription_create' })
  shop.tell('bought', { subscription, order, checkout })
  return true
}

/** A subscription that staff create in the provider's dashboard: nothing in it names an organization. */
export function subscribe(shop: Shop, customer: Customer, productId: string): void {
  const subscription = begin(shop, { customer, productId, checkoutId: null, metadata: {} })
  const order = charge(shop, subscription, { cents: sumCents(shop, subscription), reason: 'subscription_create' })
  shop.tell('bought', { subscription, order })
}

type Begun = Pick<
  Subscription,
  'customer' | 'productId' | 'quantity' | 'currency' | 'checkoutId' | 'metadata' | 'extras'
>

function begin(shop: Shop, begun: Begun, trialDays = 0): Subscription {
  const now = new Date()
  const trialEnd = trialDays > 0 ? new Date(now.getTime() + trialDays * DAY_MS) : null
  const subscription: Subscription = {
    ...begun,
    id: shop.newId('subscription'),
    createdAt: now,
    pending: null,
    trialEnd,
    status: trialEnd ? 'trialing' : 'active',
    periodStart: now,
    periodEnd: trialEnd ?? periodAfter(now, intervalOf(shop, begun)),
    cancelAtPeriodEnd: false,
    canceledAt: null,
    endedAt: null,
    pastDueAt: null,
    modifiedAt: now,
  }
  shop.subscriptions.set(subscription.id, subscription)
  return subscription
}

/**
 * Changes the purchase at once. The rest of the period is prorated by the second, line by line; with another interval a
 * new period begins, and is charged in full. A trial continues, and nothing is charged.
 *
 * @returns false if the card is refused: then nothing has changed
 */
export function changeProduct(shop: Shop, subscription: Subscription, change: Bought): boolean {
  const wanted = { extras: subscription.extras, ...change }
  if (isSame(subscription, wanted) && subscription.pending === null) return true
  const isNewPeriod = !subscription.trialEnd && intervalOf(shop, subscription) !== intervalOf(shop, wanted)
  const now = new Date()
  const cents = subscription.trialEnd ? 0 : differenceIn(shop, subscription, { wanted, isNewPeriod, now })
  if (cents > 0 && subscription.customer.cardFails) return false
  const isFree = isSame(subscription, wanted)
  touch(subscription, { ...wanted, pending: null })
  if (isNewPeriod) touch(subscription, { periodStart: now, periodEnd: periodAfter(now, intervalOf(shop, wanted)) })
  const order = isFree ? undefined : charge(shop, subscription, { cents, reason: 'subscription_update' }, now)
  shop.tell('plan_changed', { subscription, ...(order && { order }) })
  return true
}

/** Takes effect in the next period; planning the current purchase again cancels an earlier plan. */
export function planProduct(shop: Shop, subscription: Subscription, bought: Bought): void {
  const pending = { extras: subscription.extras, ...bought }
  touch(subscription, { pending: isSame(subscription, pending) ? null : pending })
  shop.tell('plan_change_planned', { subscription })
}

export function planCancel(shop: Shop, subscription: Subscription, isPlanned: boolean): void {
  if (subscription.cancelAtPeriodEnd === isPlanned) return
  touch(subscription, { cancelAtPeriodEnd: isPlanned, canceledAt: isPlanned ? new Date() : null })
  shop.tell(isPlanned ? 'cancel_planned' : 'resumed', { subscription })
}

export function revoke(shop: Shop, subscription: Subscription): void {
  if (subscription.endedAt) return
  end(subscription)
  shop.tell('revoked', { subscription })
}

/** As staff do: deleting a customer ends the customer's subscriptions at once. */
export function removeCustomer(shop: Shop, customer: Customer): void {
  for (const one of shop.subscriptions.values()) if (one.customer.id === customer.id) revoke(shop, one)
  shop.customers.delete(customer.id)
}

/** Ends the period now: planned changes take effect, or another month begins and is paid for. */
export function advance(shop: Shop, subscription: Subscription): void {
  if (subscription.endedAt) return
  if (subscription.cancelAtPeriodEnd) {
    end(subscription)
    return shop.tell('ended', { subscription })
  }
  if (subscription.pauseAtPeriodEnd) return turn(shop, subscription, 'paused')
  const now = new Date()
  touch(subscription, { ...subscription.pending, pending: null, trialEnd: null })
  touch(subscription, { periodStart: now, periodEnd: periodAfter(now, intervalOf(shop, subscription)) })
  const isPaid = !subscription.customer.cardFails
  const order = charge(shop, subscription, findCycle(shop, subscription))
  touch(subscription, isPaid ? { status: 'active', pastDueAt: null } : { status: 'past_due', pastDueAt: now })
  shop.tell(isPaid ? 'renewed' : 'renewal_failed', { subscription, order })
}

/** A retried payment fails, as after a card has expired; so does the next one, until `mendCard`. */
export function failPayment(shop: Shop, subscription: Subscription): void {
  subscription.customer.cardFails = true
  touch(subscription, { status: 'past_due', pastDueAt: subscription.pastDueAt ?? new Date() })
  shop.tell('payment_failed', { subscription, order: charge(shop, subscription, findCycle(shop, subscription)) })
}

const STATUS_AFTER = { given_up: 'unpaid', paused: 'paused', unpaused: 'active' } as const

/** What the last payment attempt, staff, or the customer in the provider's portal does. */
export function turn(shop: Shop, subscription: Subscription, happening: keyof typeof STATUS_AFTER): void {
  touch(subscription, { status: STATUS_AFTER[happening], pauseAtPeriodEnd: false })
  shop.tell(happening, { subscription })
}

/** The card works again, and overdue amounts are paid with it. */
export function mendCard(shop: Shop, subscription: Subscription): void {
  subscription.customer.cardFails = false
  if (subscription.status !== 'past_due' && subscription.status !== 'unpaid') return
  touch(subscription, { status: 'active', pastDueAt: null })
  shop.tell('renewed', { subscription, order: charge(shop, subscription, findCycle(shop, subscription)) })
}

function charge(
  shop: Shop,
  subscription: Subscription,
  { cents: own, reason }: Pick<Order, 'cents' | 'reason'>,
  createdAt = new Date(),
): Order {
  const { id: subscriptionId, customer } = subscription
  const id = shop.newId('order')
  const cents = own + (reason === 'subscription_cycle' ? (shop.pullItems?.(subscription, id) ?? 0) : 0)
  const currency = subscription.currency ?? toCurrency(shop.products.get(subscription.productId))
  const rest = { currency, paid: !customer.cardFails || cents <= 0, createdAt }
  const order = { id, subscriptionId, customerId: customer.id, cents, reason, ...rest }
  shop.orders.push(order)
  return order
}

const findCycle = (shop: Shop, subscription: Subscription) =>
  ({ cents: sumCents(shop, subscription), reason: 'subscription_cycle' }) as const

/** Each state is newer than the previous one, however fast they follow: receivers use this to order them. */
export function touch(subscription: Subscription, changes: Partial<Subscription>): void {
  const modifiedAt = new Date(Math.max(Date.now(), subscription.modifiedAt.getTime() + 1))
  Object.assign(subscription, changes, { modifiedAt })
}

function end(subscription: Subscription): void {
  const now = new Date()
  touch(subscription, { status: 'canceled', endedAt: now, canceledAt: subscription.canceledAt ?? now })
}
