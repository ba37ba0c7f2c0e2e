import { createHmac, randomUUID } from 'node:crypto'
import * as z from 'zod'
import { type Call, json, parseJson, type Reply } from '../http.ts'
import type { Happening } from './happenings.ts'
import type { TellPayment } from './one-off.ts'
import { applyPatch, change, findFlaw, notFound, Terms, toTerms } from './polar-change.ts'
import { AdHocPrices, describePayment, PAYMENT_EVENTS, polarPayment } from './polar-one-off.ts'
import * as shapes from './polar-shapes.ts'
import { createPolarUsage, invalid } from './polar-usage.ts'
import { LOCAL_CREDIT_PRODUCT, listProducts } from './products.ts'
import { type Handler, listPage, type PaymentService, type PaymentServiceOptions, text } from './provider.ts'
import { createSender } from './send-webhooks.ts'
import * as shops from './shop.ts'
import { shopMemory } from './shop-memory.ts'

type Shop = shops.Shop
type Subscription = shops.Subscription

/** The webhooks for each event, in Polar's order; a customer's state follows each. */
const EVENTS: Readonly<Record<Happening, readonly string[]>> = {
  bought: ['subscription.created', 'order.created', 'subscription.updated', 'subscription.active', 'order.paid'],
  plan_changed: ['subscription.updated', 'order.created', 'order.paid'],
  plan_change_planned: ['subscription.updated'],
  cancel_planned: ['subscription.updated', 'subscription.canceled'],
  resumed: ['subscription.updated', 'subscription.uncanceled'],
  renewed: ['subscription.cycled', 'subscription.updated', 'order.created', 'order.updated', 'order.paid'],
  renewal_failed: ['subscription.cycled', 'order.created', 'subscription.updated', 'subscription.past_due'],
  payment_failed: ['subscription.updated', 'subscription.past_due', 'order.updated'],
  given_up: ['subscription.updated'],
  paused: ['subscription.updated', 'subscription.paused'],
  unpaused: ['subscription.updated', 'subscription.resumed'],
  ended: ['subscription.updated', 'subscription.revoked'],
  revoked: ['subscription.updated', 'subscription.canceled', 'subscription.revoked'],
}

/** The service that answers like Polar: the calls that billing makes, and webhooks about their effects. */
export function polarService({ token, webhookSecret, webhookUrl }: PaymentServiceOptions): PaymentService {
  const sender = createSender({ url: webhookUrl, sign: (event, seconds) => signEvent(webhookSecret, event, seconds) })
  const shop = shops.openShop({
    products: listProducts('polar'),
    newId: () => randomUUID(),
    tell,
    tellPayment,
    roundsSeats: true,
  })
  const usage = createPolarUsage(shop)

  function tell(happening: Happening, about: Parameters<shops.Tell>[1]): void {
    const { subscription, order, checkout } = about
    if (checkout) event('checkout.updated', subscription, shapes.polarCheckout(checkout, '', shop))
    for (const type of EVENTS[happening]) {
      const isOfOrder = type.startsWith('order.')
      if (isOfOrder && !order) continue
      const data = isOfOrder && order ? shapes.polarOrder(order, subscription, shop) : undefined
      event(type, subscription, data ?? shapes.polarSubscription(subscription, shop))
    }
    const { customer } = subscription
    event('customer.state_changed', subscription, shapes.polarCustomerState(customer, shop, usage.sumUsage(customer)))
  }

  function tellPayment(...[happening, payment, refund]: Parameters<TellPayment>): void {
    const { checkout } = payment
    if (happening === 'paid') event('checkout.updated', checkout, shapes.polarCheckout(checkout, '', shop))
    for (const type of PAYMENT_EVENTS[happening]) event(type, checkout, describePayment(type, payment, refund))
  }

  function event(type: string, { customer }: Pick<Subscription, 'customer'>, data: object): void {
    const body = JSON.stringify({ type, timestamp: new Date().toISOString(), data })
    sender.send({ id: randomUUID(), type, organization: customer.externalId, body })
  }

  return {
    name: 'polar',
    shop,
    sender,
    usage: usage.list,
    memory: { shop: shopMemory(shop), usage: usage.memory, webhooks: sender.memory },
    isAllowed: ({ headers }) => headers.authorization === `Bearer ${token}`,
    refused: () => json(401, { error: 'Unauthorized', detail: 'The access token is invalid.' }),
    unknown: notFound,
    handlers: createHandlers(shop, usage),
  }
}

/** The calls, in order of matching. */
function createHandlers(shop: Shop, usage: ReturnType<typeof createPolarUsage>): readonly Handler[] {
  const shown = (subscription: Subscription) => shapes.polarSubscription(subscription, shop)
  const state = (customer: shops.Customer | undefined) =>
    show(customer, (one) => shapes.polarCustomerState(one, shop, usage.sumUsage(one)))

  function listMeters({ url }: Call): Reply {
    const customer = byExternalId(shop, url.searchParams.get('external_customer_id') ?? '')
    const sums = customer ? usage.sumUsage(customer) : []
    const items = sums.map(({ name, units }) => ({ id: name, meter: { name }, consumed_units: units, balance: -units }))
    return json(200, listPage(items, url))
  }

  return [
    ['POST', /^checkouts\/?$/, (call) => createCheckout(shop, call)],
    ['GET', /^checkouts\/([^/]+)$/, (call, id) => showCheckout(shop, call, id)],
    ['POST', /^customer-sessions\/?$/, (call) => createSession(shop, call)],
    ['POST', /^customers\/?$/, (call) => createCustomer(shop, call)],
    ['GET', /^customers\/external\/([^/]+)\/state$/, (_, id) => state(byExternalId(shop, id))],
    ['GET', /^customers\/external\/([^/]+)$/, (_, id) => show(byExternalId(shop, id), shapes.polarCustomer)],
    ['GET', /^customers\/([^/]+)\/state$/, (_, id) => state(shop.customers.get(id))],
    ['GET', /^customers\/([^/]+)$/, (_, id) => show(shop.customers.get(id), shapes.polarCustomer)],
    ['GET', /^customer-meters\/?$/, (call) => listMeters(call)],
    ['POST', /^events\/ingest$/, (call) => usage.ingest(parseJson(call.body))],
    ['GET', /^orders\/?$/, (call) => listOrders(shop, call)],
    ['GET', /^subscriptions\/?$/, (call) => listSubscriptions(shop, call)],
    ['GET', /^subscriptions\/([^/]+)$/, (_, id) => show(shop.subscriptions.get(id), shown)],
    ['PATCH', /^subscriptions\/([^/]+)$/, (call, id) => change(shop, call, id)],
    ['DELETE', /^subscriptions\/([^/]+)$/, (_, id) => applyPatch({ revoke: true }, shop, id)],
  ]
}

/** Standard Webhooks, except that the key is the whole text of the secret. */
function signEvent(secret: string, { id, body }: { id: string; body: string }, seconds: number) {
  const signature = createHmac('sha256', secret).update(`${id}.${seconds}.${body}`).digest('base64')
  return {
    'user-agent': 'polar.sh webhooks',
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,${signature}`,
  }
}

const Metadata = z.record(z.string().max(40), z.union([z.string(), z.number(), z.boolean()])).default({})

const CheckoutBody = z.object({
  products: z.array(z.string()).min(1),
  external_customer_id: z.string().nullish(),
  customer_id: z.string().nullish(),
  customer_email: z.email().nullish(),
  customer_name: z.string().max(256).nullish(),
  success_url: z.url().max(2083).nullish(),
  return_url: z.url().max(2083).nullish(),
  prices: AdHocPrices.nullish(),
  allow_discount_codes: z.boolean().default(true),
  metadata: Metadata,
  ...Terms.shape,
})

function createCheckout(shop: Shop, call: Call): Reply {
  const parsed = CheckoutBody.safeParse(parseJson(call.body))
  if (!parsed.success) return invalid(parsed.error.issues)
  const body = parsed.data
  const ordered = readOrdered(shop, body)
  if ('flaw' in ordered) return invalid([ordered.flaw])
  const customer = customerFor(shop, body)
  if (!customer) return invalid([{ path: ['customer_id'], message: 'Customer does not exist.' }])
  const checkout = shops.addCheckout(shop, {
    customer,
    ...ordered,
    successUrl: body.success_url ?? `${call.url.origin}/polar`,
    cancelUrl: body.return_url ?? null,
    metadata: texts(body.metadata),
    subscriptionMetadata: texts(body.metadata),
  })
  return json(201, shapes.polarCheckout(checkout, toPageUrl(call, checkout.id), shop))
}

/** The product with its terms, or the price of a one-time product. @returns what is wrong with it, if anything */
function readOrdered(shop: Shop, body: z.output<typeof CheckoutBody>) {
  const {
    products: [productId = ''],
    prices,
  } = body
  const cents = prices?.[productId]?.[0]?.price_amount
  if (productId === LOCAL_CREDIT_PRODUCT && cents !== undefined) return { productId, cents }
  const product = shop.products.get(productId)
  if (!product) return { flaw: { path: ['products', 0], message: 'Product does not exist.' } }
  const flaw = findFlaw(product, body)
  return flaw ? { flaw } : { productId, ...toTerms(product, body) }
}

/** Polar copies a checkout's metadata to the objects that result from it. */
const texts = (metadata: object) => Object.fromEntries(Object.entries(metadata).map(([name, one]) => [name, text(one)]))

function customerFor(shop: Shop, body: z.output<typeof CheckoutBody>): shops.Customer | undefined {
  if (body.customer_id) return shop.customers.get(body.customer_id)
  const { external_customer_id: externalId = null, customer_name: name = null } = body
  const known = externalId ? byExternalId(shop, externalId) : undefined
  return known ?? shops.addCustomer(shop, { externalId, name, email: body.customer_email ?? 'customer@example.com' })
}

const byExternalId = (shop: Shop, id: string) =>
  [...shop.customers.values()].find(({ externalId }) => externalId === decodeURIComponent(id))

const toPageUrl = (call: Call, id: string) => `${call.url.origin}/polar/checkout/${id}`

function showCheckout(shop: Shop, call: Call, id: string): Reply {
  return show(shop.checkouts.get(id), (one) => shapes.polarCheckout(one, toPageUrl(call, id), shop))
}

const CustomerBody = z.object({ email: z.email(), external_id: z.string().nullish(), name: z.string().nullish() })

function createCustomer(shop: Shop, call: Call): Reply {
  const parsed = CustomerBody.safeParse(parseJson(call.body))
  if (!parsed.success) return invalid(parsed.error.issues)
  const { email, external_id: externalId = null, name = null } = parsed.data
  if (externalId !== null && byExternalId(shop, externalId))
    return invalid([{ path: ['external_id'], message: 'A customer with this external ID already exists.' }])
  return json(201, shapes.polarCustomer(shops.addCustomer(shop, { externalId, email, name })))
}

const SessionBody = z.object({ external_customer_id: z.string().optional(), customer_id: z.string().optional() })

function createSession(shop: Shop, call: Call): Reply {
  const parsed = SessionBody.safeParse(parseJson(call.body))
  if (!parsed.success) return invalid(parsed.error.issues)
  const { customer_id: id, external_customer_id: externalId } = parsed.data
  const customer = id === undefined ? byExternalId(shop, externalId ?? '') : shop.customers.get(id)
  if (!customer) return invalid([{ path: ['customer_id'], message: 'Customer does not exist.' }])
  return json(201, {
    id: randomUUID(),
    token: `polar_cst_${randomUUID()}`,
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    customer_portal_url: `${call.url.origin}/polar?customer=${customer.id}`,
    customer_id: customer.id,
    customer: shapes.polarCustomer(customer),
  })
}

function listSubscriptions(shop: Shop, { url }: Call): Reply {
  const asked = url.searchParams
  const [organization, customerId] = [asked.get('external_customer_id'), asked.get('customer_id')]
  const isActive = asked.get('active')
  const found = [...shop.subscriptions.values()]
    .filter(({ customer }) => organization === null || customer.externalId === organization)
    .filter(({ customer }) => customerId === null || customer.id === customerId)
    .filter(({ endedAt }) => isActive === null || String(endedAt === null) === isActive)
    .toReversed()
  return json(
    200,
    listPage(
      found.map((one) => shapes.polarSubscription(one, shop)),
      url,
    ),
  )
}

/** Orders of one-time payments; those of subscriptions appear only in events. */
function listOrders(shop: Shop, { url }: Call): Reply {
  const isRecurring = url.searchParams.get('product_billing_type') === 'recurring'
  const found = isRecurring ? [] : [...shop.payments.values()].toReversed()
  return json(200, listPage(found.map(polarPayment), url))
}

function show<T>(found: T | undefined, shape: (one: T) => object): Reply {
  return found === undefined ? notFound() : json(200, shape(found))
}
