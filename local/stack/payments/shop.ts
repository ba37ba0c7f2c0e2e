/** What both local providers have in common: customers, checkouts, subscriptions and what happens to them. */
import { proRata } from '../../../src/billing/overage/money.ts'
import type { Product } from './products.ts'

export interface Customer {
  readonly id: string
  /** The organization, as Polar is told it; Stripe has it in metadata. */
  readonly externalId: string | null
  readonly email: string
  readonly name: string | null
  readonly createdAt: Date
  /** While set every payment is refused. */
  cardFails: boolean
}

export interface Checkout {
  readonly id: string
  readonly customer: Customer
  readonly productId: string
  readonly successUrl: string
  readonly cancelUrl: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly subscriptionMetadata: Readonly<Record<string, string>>
  /** Prices beside the product (Stripe): add-ons and metered ones. */
  readonly extras?: readonly string[]
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
  pendingProductId: string | null
  extras?: readonly string[]
  pendingExtras?: readonly string[] | undefined
  status: 'active' | 'past_due' | 'unpaid' | 'paused' | 'canceled'
  periodStart: Date
  periodEnd: Date
  cancelAtPeriodEnd: boolean
  canceledAt: Date | null
  endedAt: Date | null
  pastDueAt: Date | null
  modifiedAt: Date
}

/** Money that moved, or should have. */
export interface Order {
  readonly id: string
  readonly subscriptionId: string
  readonly customerId: string
  readonly cents: number
  readonly reason: 'subscription_create' | 'subscription_update' | 'subscription_cycle'
  readonly paid: boolean
  readonly createdAt: Date
}

/** What a provider tells the Worker of, in the order in which it tells it. */
export type Happening =
  | 'bought'
  | 'plan_changed'
  | 'plan_change_planned'
  | 'cancel_planned'
  | 'resumed'
  | 'renewed'
  | 'renewal_failed'
  | 'payment_failed'
  | 'given_up'
  | 'paused'
  | 'unpaused'
  | 'ended'
  | 'revoked'

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
  readonly newId: (kind: 'customer' | 'checkout' | 'subscription' | 'order') => string
  readonly tell: Tell
  /** Puts what waits for a subscription's next invoice on an order (Stripe). @returns the cents that this adds */
  pullItems?: (subscription: Subscription, orderId: string) => number
}

export function openShop(products: Map<string, Product>, newId: Shop['newId'], tell: Tell): Shop {
  return {
    products,
    customers: new Map(),
    checkouts: new Map(),
    subscriptions: new Map(),
    orders: [],
    newId,
    tell,
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

/** @returns false when the card is refused, or there is nothing to pay any more */
export function payCheckout(shop: Shop, checkout: Checkout): boolean {
  if (checkout.customer.cardFails || checkout.status !== 'open') return false
  const { customer, productId, subscriptionMetadata: metadata, extras = [] } = checkout
  const subscription = begin(shop, { customer, productId, checkoutId: checkout.id, metadata, extras })
  Object.assign(checkout, { status: 'succeeded', subscriptionId: subscription.id })
  const order = charge(shop, subscription, { cents: findCents(shop, productId), reason: 'subscription_create' })
  shop.tell('bought', { subscription, order, checkout })
  return true
}

/** A subscription that staff make in the provider's dashboard: nothing of it names an organization. */
export function subscribe(shop: Shop, customer: Customer, productId: string): void {
  const subscription = begin(shop, { customer, productId, checkoutId: null, metadata: {} })
  const order = charge(shop, subscription, { cents: findCents(shop, productId), reason: 'subscription_create' })
  shop.tell('bought', { subscription, order })
}

type Begun = Pick<Subscription, 'customer' | 'productId' | 'checkoutId' | 'metadata' | 'extras'>

function begin(shop: Shop, begun: Begun): Subscription {
  const now = new Date()
  const subscription: Subscription = {
    ...begun,
    id: shop.newId('subscription'),
    createdAt: now,
    pendingProductId: null,
    status: 'active',
    periodStart: now,
    periodEnd: monthAfter(now),
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
 * Changes the plan at once, for the rest of the period, which is reckoned by the second.
 *
 * @returns false when the card is refused: then nothing has changed
 */
export function changeProduct(
  shop: Shop,
  subscription: Subscription,
  { productId, extras = subscription.extras ?? [] }: Pick<Subscription, 'productId' | 'extras'>,
): boolean {
  const isSame = extras.join() === (subscription.extras ?? []).join()
  if (isSame && subscription.productId === productId && subscription.pendingProductId === null) return true
  const cents = differenceIn(shop, subscription, productId)
  if (cents > 0 && subscription.customer.cardFails) return false
  touch(subscription, { productId, extras, pendingProductId: null, pendingExtras: undefined })
  const order = charge(shop, subscription, { cents, reason: 'subscription_update' })
  shop.tell('plan_changed', { subscription, order })
  return true
}

function differenceIn(shop: Shop, { productId: from, periodStart, periodEnd }: Subscription, to: string): number {
  const seconds = (ms: number) => BigInt(Math.floor(ms / 1_000))
  const end = periodEnd.getTime()
  const difference = proRata({
    fromCents: BigInt(findCents(shop, from)),
    toCents: BigInt(findCents(shop, to)),
    secondsLeft: seconds(Math.max(0, end - Date.now())),
    secondsInPeriod: seconds(end - periodStart.getTime()),
  })
  return Number(difference)
}

/** From the next period on; the product it has already takes an earlier plan to change back. */
export function planProduct(
  shop: Shop,
  subscription: Subscription,
  { productId, extras: pendingExtras }: Pick<Subscription, 'productId' | 'extras'>,
): void {
  touch(subscription, { pendingProductId: productId === subscription.productId ? null : productId, pendingExtras })
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

/** The period ends now: what was planned happens, or another month begins and is paid for. */
export function advance(shop: Shop, subscription: Subscription): void {
  if (subscription.endedAt) return
  if (subscription.cancelAtPeriodEnd) {
    end(subscription)
    return shop.tell('ended', { subscription })
  }
  const now = new Date()
  const productId = subscription.pendingProductId ?? subscription.productId
  const extras = subscription.pendingExtras ?? subscription.extras ?? []
  touch(subscription, { productId, extras, pendingProductId: null, pendingExtras: undefined })
  touch(subscription, { periodStart: now, periodEnd: monthAfter(now) })
  const isPaid = !subscription.customer.cardFails
  const order = charge(shop, subscription, findCycle(shop, subscription))
  touch(subscription, isPaid ? { status: 'active', pastDueAt: null } : { status: 'past_due', pastDueAt: now })
  shop.tell(isPaid ? 'renewed' : 'renewal_failed', { subscription, order })
}

/** A payment that is tried again fails, as after a card has expired; the next one as well, until `mendCard`. */
export function failPayment(shop: Shop, subscription: Subscription): void {
  subscription.customer.cardFails = true
  touch(subscription, { status: 'past_due', pastDueAt: subscription.pastDueAt ?? new Date() })
  shop.tell('payment_failed', { subscription, order: charge(shop, subscription, findCycle(shop, subscription)) })
}

const STATUS_AFTER = { given_up: 'unpaid', paused: 'paused', unpaused: 'active' } as const

/** What the last try to be paid, staff, or the customer in the provider's portal does. */
export function turn(shop: Shop, subscription: Subscription, happening: keyof typeof STATUS_AFTER): void {
  touch(subscription, { status: STATUS_AFTER[happening] })
  shop.tell(happening, { subscription })
}

/** The card is good again, and what is overdue is paid with it. */
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
): Order {
  const { id: subscriptionId, customer } = subscription
  const id = shop.newId('order')
  const cents = own + (reason === 'subscription_cycle' ? (shop.pullItems?.(subscription, id) ?? 0) : 0)
  const rest = { paid: !customer.cardFails || cents <= 0, createdAt: new Date() }
  const order = { id, subscriptionId, customerId: customer.id, cents, reason, ...rest }
  shop.orders.push(order)
  return order
}

const findCycle = (shop: Shop, { productId }: Subscription) =>
  ({ cents: findCents(shop, productId), reason: 'subscription_cycle' }) as const
const findCents = (shop: Shop, productId: string) => shop.products.get(productId)?.cents ?? 0

/** Each state is newer than the one before, however fast they follow: receivers tell by this which came last. */
function touch(subscription: Subscription, changes: Partial<Subscription>): void {
  const modifiedAt = new Date(Math.max(Date.now(), subscription.modifiedAt.getTime() + 1))
  Object.assign(subscription, changes, { modifiedAt })
}

function end(subscription: Subscription): void {
  const now = new Date()
  touch(subscription, { status: 'canceled', endedAt: now, canceledAt: subscription.canceledAt ?? now })
}

/** The same day and time of the next month, or its last day. */
function monthAfter(time: Date): Date {
  const next = new Date(time)
  next.setUTCMonth(next.getUTCMonth() + 1)
  if (next.getUTCDate() !== time.getUTCDate()) next.setUTCDate(0)
  return next
}
