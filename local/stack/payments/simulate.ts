import * as z from 'zod'
import { type Call, json, parseJson, type Reply } from '../http.ts'
import { failRefund, loseDispute, type Payment, refund } from './one-off.ts'
import { planPause } from './polar-change.ts'
import type { Product } from './products.ts'
import { type PaymentService, returnAddress } from './provider.ts'
import * as shops from './shop.ts'

const id = z.string().min(1)

/** What can be done to a provider from outside, by its customers, its staff or bad luck. */
const Act = z.discriminatedUnion('act', [
  z.strictObject({ act: z.literal('pay'), checkout: id }),
  z.strictObject({
    act: z.enum(['fail_payment', 'mend_card', 'give_up', 'pause', 'plan_pause', 'cancel_now', 'advance']),
    subscription: id,
  }),
  z.strictObject({ act: z.literal('move'), subscription: id, product: id }),
  z.strictObject({ act: z.literal('subscribe'), customer: id, product: id }),
  z.strictObject({ act: z.enum(['refuse_card', 'accept_card', 'delete_customer']), customer: id }),
  z.strictObject({ act: z.enum(['refund', 'lose_dispute']), payment: id, cents: z.int().min(1).optional() }),
  z.strictObject({ act: z.literal('fail_refund'), payment: id }),
  z.strictObject({ act: z.literal('redeliver'), event: id }),
  z.strictObject({ act: z.enum(['hold', 'release', 'clear_events']) }),
  z.strictObject({
    act: z.literal('add_product'),
    id,
    name: z.string(),
    cents: z.int().min(0),
    plan: z.string(),
    metered: z.boolean().default(false),
    interval: z.enum(['month', 'year']).default('month'),
    currency: z.string().length(3).default('usd'),
    currencies: z.record(z.string(), z.int()).optional(),
    seats: z.strictObject({ included: z.int(), max: z.int().optional(), cents: z.int() }).optional(),
  }),
])

type Act = z.output<typeof Act>

const OF_SUBSCRIPTIONS = {
  fail_payment: shops.failPayment,
  mend_card: shops.mendCard,
  give_up: (shop: shops.Shop, one: shops.Subscription) => shops.turn(shop, one, 'given_up'),
  pause: (shop: shops.Shop, one: shops.Subscription) => shops.turn(shop, one, 'paused'),
  plan_pause: (shop: shops.Shop, one: shops.Subscription) => void planPause(shop, one, true),
  cancel_now: shops.revoke,
  advance: shops.advance,
} as const

/** `POST /{provider}/act`: 204 when done, 404 if there is no such object, 402 if the card is refused. */
export function answerAct(service: PaymentService) {
  return async function answer(call: Call): Promise<Reply> {
    const parsed = Act.safeParse(parseJson(call.body))
    if (!parsed.success) return json(400, { error: 'invalid_act', message: z.prettifyError(parsed.error) })
    const status = perform(service, parsed.data)
    await service.sender.tried()
    return { status, type: 'text/plain', body: '' }
  }
}

function perform(service: PaymentService, act: Act): number {
  const { shop, sender } = service
  if ('subscription' in act)
    return withOne(shop.subscriptions.get(act.subscription), (one) => changeOne(shop, one, act))
  if ('checkout' in act)
    return withOne(shop.checkouts.get(act.checkout), (one) => (shops.payCheckout(shop, one) ? 204 : 402))
  if ('customer' in act) return withOne(shop.customers.get(act.customer), (one) => changeCustomer(shop, one, act))
  if ('payment' in act) return withOne(shop.payments.get(act.payment), (one) => changePayment(shop, one, act))
  if (act.act === 'redeliver') return sender.redeliver(act.event) ? 204 : 404
  if (act.act === 'add_product') shop.products.set(act.id, act satisfies Product)
  else if (act.act === 'hold') sender.hold()
  else if (act.act === 'release') sender.release()
  else sender.clear()
  return 204
}

/** A move is made by the provider's portal, or by its staff. */
function changeOne(shop: shops.Shop, one: shops.Subscription, act: Extract<Act, { subscription: string }>) {
  if (act.act === 'move')
    return shops.changeProduct(shop, one, { productId: act.product, quantity: one.quantity }) ? 204 : 402
  return OF_SUBSCRIPTIONS[act.act](shop, one)
}

function changePayment(shop: shops.Shop, one: Payment, act: Extract<Act, { payment: string }>) {
  if (act.act === 'fail_refund') return failRefund(shop, one) ? 204 : 404
  return (act.act === 'refund' ? refund : loseDispute)(shop, one, act.cents)
}

function changeCustomer(shop: shops.Shop, one: shops.Customer, act: Extract<Act, { customer: string }>): void {
  if (act.act === 'subscribe') shops.subscribe(shop, one, act.product)
  else if (act.act === 'delete_customer') shops.removeCustomer(shop, one)
  else one.cardFails = act.act === 'refuse_card'
}

function withOne<T>(found: T | undefined, work: (one: T) => number | void): number {
  return found === undefined ? 404 : (work(found) ?? 204)
}

/** `POST /{provider}/checkout/{id}`, the page's button: pays, notifies the Worker, and redirects the customer back. */
export function answerPay(service: PaymentService) {
  return async function answer({ url }: Call): Promise<Reply> {
    const checkout = service.shop.checkouts.get(url.pathname.split('/').at(-1) ?? '')
    if (!checkout) return service.unknown()
    const isPaid = checkout.status === 'succeeded' || shops.payCheckout(service.shop, checkout)
    await service.sender.tried()
    const location = isPaid ? returnAddress(checkout) : `${url.pathname}?declined`
    return { status: 303, type: 'text/plain', body: '', headers: { location } }
  }
}

/** `GET /{provider}/state`: everything, as JSON; `?organization=` returns only one organization's events. */
export function answerState({ shop, sender, usage }: PaymentService) {
  return function answer({ url }: Call): Reply {
    const organization = url.searchParams.get('organization')
    const events = sender.list().filter((one) => organization === null || one.organization === organization)
    return json(200, {
      customers: [...shop.customers.values()],
      checkouts: [...shop.checkouts.values()],
      subscriptions: [...shop.subscriptions.values()],
      orders: shop.orders,
      payments: [...shop.payments.values()],
      usage: usage(),
      events,
    })
  }
}
