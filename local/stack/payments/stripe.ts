import { createHmac, randomBytes } from 'node:crypto'
import { type Call, json, type Reply } from '../http.ts'
import type { Happening } from './happenings.ts'
import type { TellPayment } from './one-off.ts'
import { listProducts, toCurrency } from './products.ts'
import type { Handler, PaymentService, PaymentServiceOptions } from './provider.ts'
import { createSender } from './send-webhooks.ts'
import * as shops from './shop.ts'
import { shopMemory } from './shop-memory.ts'
import { stripeError } from './stripe-errors.ts'
import { type Form, parseForm, textAt, textsAt } from './stripe-form.ts'
import { createStripeInvoices, type StripeInvoices } from './stripe-invoices.ts'
import { changedItems, newItems } from './stripe-items.ts'
import { expansions, listPage, listSessions } from './stripe-lists.ts'
import { describePayment, PAYMENT_EVENTS, readCents } from './stripe-one-off.ts'
import * as shapes from './stripe-shapes.ts'

type Shop = shops.Shop
type Subscription = shops.Subscription

const API_VERSION = '2026-10-28.endive'
const PREFIXES = {
  customer: 'cus',
  checkout: 'cs_test',
  subscription: 'sub',
  order: 'in',
  payment: 'pi',
  refund: 're',
  dispute: 'du',
} as const

/** The webhooks for each event. */
const EVENTS: Readonly<Record<Happening, readonly string[]>> = {
  bought: ['checkout.session.completed', 'customer.subscription.created', 'invoice.paid'],
  plan_changed: ['customer.subscription.updated', 'invoice.paid'],
  plan_change_planned: ['customer.subscription.updated'],
  cancel_planned: ['customer.subscription.updated'],
  resumed: ['customer.subscription.updated'],
  renewed: ['customer.subscription.updated', 'invoice.paid'],
  renewal_failed: ['customer.subscription.updated', 'invoice.payment_failed'],
  payment_failed: ['invoice.payment_failed', 'customer.subscription.updated'],
  given_up: ['customer.subscription.updated'],
  paused: ['customer.subscription.updated'],
  unpaused: ['customer.subscription.updated'],
  ended: ['customer.subscription.deleted'],
  revoked: ['customer.subscription.deleted'],
}

/** The service that answers like Stripe: the calls that billing makes, and webhooks about their effects. */
export function stripeService({ token, webhookSecret, webhookUrl }: PaymentServiceOptions): PaymentService {
  const sender = createSender({
    url: webhookUrl,
    sign: ({ body }, at) => ({ 'stripe-signature': signature(webhookSecret, body, at) }),
  })
  const newId: Shop['newId'] = (kind) => `${PREFIXES[kind]}_${randomBytes(12).toString('hex')}`
  const shop = shops.openShop({ products: listProducts('stripe'), newId, tell, tellPayment })
  const invoices = createStripeInvoices(shop)

  function tell(happening: Happening, { subscription, order, checkout }: Parameters<shops.Tell>[1]): void {
    for (const type of EVENTS[happening]) {
      const data = type.startsWith('checkout.')
        ? checkout && shapes.stripeSession(checkout, null)
        : type.startsWith('invoice.')
          ? order && invoices.describe(order)
          : shapes.stripeSubscription(subscription, shop)
      if (data) event(type, subscription, data)
    }
  }

  function tellPayment(...[happening, payment, refund]: Parameters<TellPayment>): void {
    for (const type of PAYMENT_EVENTS[happening]) event(type, payment.checkout, describePayment(type, payment, refund))
  }

  function event(
    type: string,
    { metadata, customer }: Pick<Subscription, 'metadata' | 'customer'>,
    object: object,
  ): void {
    const id = `evt_${randomBytes(12).toString('hex')}`
    const created = Math.floor(Date.now() / 1_000)
    const body = { id, object: 'event', api_version: API_VERSION, created, livemode: false, type, data: { object } }
    sender.send({ id, type, organization: metadata.org_id ?? customer.externalId, body: JSON.stringify(body) })
  }

  return {
    name: 'stripe',
    shop,
    sender,
    usage: invoices.listAll,
    memory: { shop: shopMemory(shop), ...invoices.memory, webhooks: sender.memory },
    isAllowed: ({ headers }) => headers.authorization === `Bearer ${token}`,
    refused: () => stripeError('api_key_invalid', 'Invalid API Key provided.', undefined, 401),
    unknown: missing,
    handlers: createHandlers(shop, invoices),
  }
}

const REPLAYED = { 'idempotent-replayed': 'true' }

/** A POST with a key that was used before gets the first answer, unless the request differs. */
function repeatable() {
  const answers = new Map<string, { request: string; reply: Reply }>()
  return function once(answer: (form: Form, call: Call, id: string) => Reply): Handler[2] {
    return function answerOnce(call, id) {
      const form = parseForm(call.body)
      const key = call.headers['idempotency-key']?.toString()
      if (key === undefined) return answer(form, call, id)
      const request = `${call.url.pathname}\n${call.body}`
      const earlier = answers.get(key)
      if (earlier && earlier.request !== request)
        return stripeError(
          'idempotency_error',
          'Keys for idempotent requests can only be used with the same parameters they were first used with.',
        )
      const reply = earlier ? { ...earlier.reply, headers: REPLAYED } : answer(form, call, id)
      if (!earlier) answers.set(key, { request, reply })
      return reply
    }
  }
}

/** The calls, in order of matching. */
function createHandlers(shop: Shop, invoices: StripeInvoices): readonly Handler[] {
  const once = repeatable()
  const scheduled = (one: Subscription) => shapes.stripeSchedule(one, shop)
  const findSubscription = (id: string) => shop.subscriptions.get(id.replace('sub_sched_', 'sub_'))

  return [
    ['POST', /^checkout\/sessions$/, once((form, call) => createSession(shop, form, call))],
    [
      'GET',
      /^checkout\/sessions\/([^/]+)$/,
      ({ url }, id) => show(shop.checkouts.get(id), (one) => shapes.stripeSession(one, toPageUrl(url, id))),
    ],
    ['GET', /^checkout\/sessions$/, (call) => listSessions(shop, call)],
    ['POST', /^billing_portal\/sessions$/, once((form, call) => createPortal(shop, form, call))],
    ['POST', /^customers$/, once((form) => json(200, shapes.stripeCustomer(newCustomer(shop, form))))],
    ['GET', /^customers\/([^/]+)$/, (_, id) => show(shop.customers.get(id), shapes.stripeCustomer)],
    ['POST', /^invoiceitems$/, once((form) => invoices.createItem(form))],
    ['GET', /^invoiceitems$/, invoices.listItems],
    ['GET', /^invoiceitems\/([^/]+)$/, (_, id) => invoices.showItem(id)],
    ['POST', /^invoices$/, once((form) => invoices.create(form))],
    ['GET', /^invoices$/, invoices.list],
    ['GET', /^invoice_payments$/, invoices.listPayments],
    ['POST', /^invoices\/([^/]+)\/finalize$/, once((_form, _call, id) => invoices.finalize(id))],
    ['POST', /^invoices\/([^/]+)\/pay$/, once((_form, _call, id) => invoices.pay(id))],
    ['GET', /^invoices\/([^/]+)$/, (_, id) => invoices.showInvoice(id)],
    ['GET', /^subscriptions$/, (call) => list(shop, call, false)],
    ['GET', /^subscriptions\/search$/, (call) => list(shop, call, true)],
    [
      'GET',
      /^subscriptions\/([^/]+)$/,
      (call, id) => show(findSubscription(id), (one) => shapes.stripeSubscription(one, shop, expansions(call))),
    ],
    ['POST', /^subscriptions\/([^/]+)$/, once((form, call, id) => change(shop, findSubscription(id), form, call))],
    ['DELETE', /^subscriptions\/([^/]+)$/, (_, id) => cancelNow(shop, findSubscription(id))],
    [
      'POST',
      /^subscription_schedules$/,
      once((form) => show(findSubscription(textAt(form, 'from_subscription') ?? ''), scheduled)),
    ],
    ['GET', /^subscription_schedules\/([^/]+)$/, (_, id) => show(findSubscription(id), scheduled)],
    [
      'POST',
      /^subscription_schedules\/([^/]+)\/(?:release|cancel)$/,
      once((_form, _call, id) => schedule(shop, findSubscription(id), undefined)),
    ],
    ['POST', /^subscription_schedules\/([^/]+)$/, once((form, _, id) => schedule(shop, findSubscription(id), form))],
  ]
}

/** `v1` covers the time and the raw body, with the whole secret as the key. */
function signature(secret: string, body: string, at: number): string {
  return `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`
}

const toPageUrl = ({ origin }: URL, id: string) => `${origin}/stripe/checkout/${id}`
/** Creates a checkout session. */
function createSession(shop: Shop, form: Form, call: Call): Reply {
  const items = textAt(form, 'mode') === 'payment' ? readPaidOnce(form) : newItems(shop, form, 'line_items')
  if (items === undefined) return stripeError('parameter_missing', 'Missing required param: line_items.', 'line_items')
  if ('status' in items) return items
  const successUrl = textAt(form, 'success_url')
  if (!successUrl) return stripeError('parameter_missing', 'Missing required param: success_url.', 'success_url')
  const named = textAt(form, 'customer')
  const customer = named === undefined ? newCustomer(shop, form) : shop.customers.get(named)
  if (!customer) return stripeError('resource_missing', `No such customer: '${named}'`, 'customer')
  const checkout = shops.addCheckout(shop, {
    customer,
    ...items,
    successUrl,
    cancelUrl: textAt(form, 'cancel_url') ?? null,
    metadata: textsAt(form, 'metadata'),
    paymentMetadata: textsAt(form, 'payment_intent_data', 'metadata'),
    subscriptionMetadata: textsAt(form, 'subscription_data', 'metadata'),
    trialDays: Number(textAt(form, 'subscription_data', 'trial_period_days') ?? 0),
  })
  return json(200, shapes.stripeSession(checkout, toPageUrl(call.url, checkout.id)))
}

/** The purchase in a session of mode `payment`. */
function readPaidOnce(form: Form) {
  const cents = readCents(form)
  return typeof cents === 'object' ? cents : { productId: 'price_inline', cents }
}

function newCustomer(shop: Shop, form: Form): shops.Customer {
  const email = textAt(form, 'customer_email') ?? textAt(form, 'email') ?? 'customer@example.com'
  const externalId = textAt(form, 'client_reference_id') ?? textAt(form, 'metadata', 'org_id') ?? null
  return shops.addCustomer(shop, { externalId, email, name: textAt(form, 'name') ?? null })
}

function createPortal(shop: Shop, form: Form, { url }: Call): Reply {
  const customer = shop.customers.get(textAt(form, 'customer') ?? '')
  if (!customer) return stripeError('resource_missing', 'No such customer.', 'customer')
  return json(200, {
    id: `bps_${randomBytes(8).toString('hex')}`,
    object: 'billing_portal.session',
    customer: customer.id,
    return_url: textAt(form, 'return_url') ?? null,
    url: `${url.origin}/stripe?customer=${customer.id}`,
  })
}

function list(shop: Shop, call: Call, isSearch: boolean): Reply {
  const asked = call.url.searchParams
  const [customer, status] = [asked.get('customer'), asked.get('status')]
  const wanted = /['"]org_id['"]\]:['"]([^'"]+)['"]/.exec(asked.get('query') ?? '')?.[1]
  const all = [...shop.subscriptions.values()]
    .filter((one) => customer === null || one.customer.id === customer)
    .filter((one) => !isSearch || one.metadata.org_id === wanted)
    .filter((one) => isSearch || status === 'all' || one.endedAt === null)
    .toReversed()
  const page = listPage(all, call, (one) => shapes.stripeSubscription(one, shop, expansions(call)))
  return json(200, isSearch ? { ...page, object: 'search_result' } : page)
}

function change(shop: Shop, subscription: Subscription | undefined, form: Form, call: Call): Reply {
  if (!subscription) return missing()
  if (subscription.endedAt) return stripeError('resource_missing', 'This subscription is canceled.', 'id', 404)
  const items = changedItems(shop, subscription, form)
  if ('status' in items) return items
  if (toCurrency(shop.products.get(items.productId)) !== toCurrency(shop.products.get(subscription.productId)))
    return stripeError('invalid_request', 'The currency of a subscription cannot be changed.', 'items')
  if (form.items !== undefined && !shops.changeProduct(shop, subscription, items))
    return stripeError('card_declined', 'Your card was declined.', undefined, 402)
  if (textAt(form, 'pause_collection') === '' && subscription.status === 'paused')
    shops.turn(shop, subscription, 'unpaused')
  const cancel = textAt(form, 'cancel_at_period_end')
  if (cancel !== undefined) shops.planCancel(shop, subscription, cancel === 'true')
  return json(200, shapes.stripeSubscription(subscription, shop, expansions(call)))
}

function cancelNow(shop: Shop, subscription: Subscription | undefined): Reply {
  if (!subscription) return missing()
  shops.revoke(shop, subscription)
  return json(200, shapes.stripeSubscription(subscription, shop))
}

/** The last phase is the one after this period. */
function schedule(shop: Shop, subscription: Subscription | undefined, form: Form | undefined): Reply {
  if (!subscription) return missing()
  const phases = Object.values(form?.phases ?? {})
  const last = phases.at(-1)
  const items = typeof last === 'object' ? newItems(shop, last, 'items') : undefined
  if (items && 'status' in items) return items
  const { productId, quantity, extras } = subscription
  shops.planProduct(shop, subscription, items ?? { productId, quantity, extras })
  return json(200, shapes.stripeSchedule(subscription, shop))
}

function show<T>(found: T | undefined, shape: (one: T) => object): Reply {
  return found === undefined ? missing() : json(200, shape(found))
}

const missing = () => stripeError('resource_missing', 'No such object.', 'id', 404)
