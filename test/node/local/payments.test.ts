import { createServer, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { LOCAL_PRODUCTS } from '../../../local/stack/payments/products.ts'
import { LOCAL_BILLING } from '../../../local/stack/payments/routes.ts'
import type { Stack } from '../../../local/stack/stack.ts'
import { isPolarSigned, isStripeSigned } from '../../../src/billing/webhooks/signatures.ts'
import { utf8 } from '../../../src/lib/bytes.ts'
import { openStack } from './support.ts'

interface Received {
  readonly headers: Headers
  readonly body: string
  readonly type: string
  readonly id: string
}

let stack: Stack
let received: Received[] = []
let answers: number[] = []

/** A Worker that responds as told, and with 204 afterwards. */
const worker = createServer(async (request, response) => {
  const body = await textOf(request)
  const headers = new Headers(request.headers as Record<string, string>)
  const event = JSON.parse(body)
  received.push({ headers, body, type: event.type, id: headers.get('webhook-id') ?? event.id })
  response.writeHead(answers.shift() ?? 204).end()
})

async function textOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}

beforeAll(async () => {
  await new Promise<void>((resolve) => worker.listen(0, '127.0.0.1', resolve))
  const address = worker.address()
  const webhookUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`
  const billing = { polar: { ...LOCAL_BILLING.polar, webhookUrl }, stripe: { ...LOCAL_BILLING.stripe, webhookUrl } }
  stack = await openStack({ billing })
}, 60_000)
afterAll(async () => {
  await stack.close()
  worker.close()
})
/** The pending retries of earlier tests have arrived. */
beforeEach(async () => {
  answers = []
  for (const provider of ['polar', 'stripe']) await settled(provider)
  received = []
  answers = []
})

const { builder, pro } = LOCAL_PRODUCTS as unknown as Record<
  'builder' | 'pro',
  { polarProductId: string; stripePriceId: string }
>

async function ask(path: string, init: { method?: string; body?: unknown; headers?: Record<string, string> } = {}) {
  const { method = 'GET', body, headers = {} } = init
  const token = path.startsWith('/polar') ? LOCAL_BILLING.polar.token : LOCAL_BILLING.stripe.token
  const response = await fetch(`${stack.url}${path}`, {
    method,
    redirect: 'manual',
    headers: { Authorization: `Bearer ${token}`, ...headers },
    ...(body !== undefined && { body: body instanceof URLSearchParams ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : text }
}

const polar = (method: string, path: string, body?: unknown) => ask(`/polar/v1${path}`, { method, body })
const stripe = (method: string, path: string, fields?: Record<string, string>, headers: Record<string, string> = {}) =>
  ask(`/stripe/v1${path}`, { method, headers, ...(fields && { body: new URLSearchParams(fields) }) })
const act = (provider: string, what: object) => ask(`/${provider}/act`, { method: 'POST', body: what })
const types = () => received.map(({ type }) => type)

async function settled(provider: string): Promise<void> {
  const states = async () => (await ask(`/${provider}/state`)).body.events.map(({ state }: any) => state)
  while ((await states()).includes('waiting')) await new Promise((resolve) => setTimeout(resolve, 25))
}

async function until(holds: () => boolean): Promise<void> {
  for (let count = 0; count < 400 && !holds(); count++) await new Promise((resolve) => setTimeout(resolve, 25))
  expect(holds()).toBe(true)
}

async function polarCheckout(organization: string) {
  const success_url = 'https://app.example.com/done?checkout_id={CHECKOUT_ID}'
  const products = [builder.polarProductId]
  const answer = await polar('POST', '/checkouts/', {
    products,
    external_customer_id: organization,
    customer_email: 'a@example.com',
    success_url,
  })
  expect(answer.status).toBe(201)
  return answer.body
}

async function polarSubscription(organization: string = crypto.randomUUID()) {
  const checkout = await polarCheckout(organization)
  await act('polar', { act: 'pay', checkout: checkout.id })
  const { items } = (await polar('GET', `/subscriptions/?external_customer_id=${organization}`)).body
  received = []
  return items[0]
}

async function stripeSubscription() {
  const fields = {
    mode: 'subscription',
    'line_items[0][price]': builder.stripePriceId,
    'line_items[0][quantity]': '1',
    client_reference_id: 'org-1',
    customer_email: 'a@example.com',
    'subscription_data[metadata][org_id]': 'org-1',
    success_url: 'https://app.example.com/',
  }
  const { body: session } = await stripe('POST', '/checkout/sessions', fields)
  await act('stripe', { act: 'pay', checkout: session.id })
  const done = (await stripe('GET', `/checkout/sessions/${session.id}`)).body
  return (await stripe('GET', `/subscriptions/${done.subscription}`)).body
}

describe('webhooks', () => {
  test('each is signed as its provider signs, with one id and a fresh time for every attempt, until it is accepted', async () => {
    answers = [500, 503, 204]
    await polarSubscription()
    await stripeSubscription()
    await until(() => received.some(({ type }) => type === 'invoice.paid'))
    const first = received.filter(({ headers }) => headers.has('webhook-id'))
    for (const { headers, body } of first)
      expect(
        await isPolarSigned([LOCAL_BILLING.polar.webhookSecret], { headers, body: utf8(body), now: Date.now() }),
      ).toBe(true)
    const rest = received.filter(({ headers }) => headers.has('stripe-signature'))
    expect(rest.length).toBeGreaterThan(2)
    for (const { headers, body } of rest)
      expect(
        await isStripeSigned([LOCAL_BILLING.stripe.webhookSecret], { headers, body: utf8(body), now: Date.now() }),
      ).toBe(true)
  })

  test('a failed one is retried, later ones overtake it, and a redelivery has the same id', async () => {
    answers = [500]
    await polarCheckout('org-retry').then(({ id }) => act('polar', { act: 'pay', checkout: id }))
    await until(() => received.length >= 8)
    const [failed] = received
    expect(types().filter((type) => type === failed?.type)).toHaveLength(2)
    expect(received.findLastIndex(({ id }) => id === failed?.id)).toBeGreaterThan(0)
    expect(new Set(received.map(({ id }) => id)).size).toBe(received.length - 1)

    const count = received.length
    expect((await act('polar', { act: 'redeliver', event: failed?.id })).status).toBe(204)
    await until(() => received.length === count + 1)
    expect(received.at(-1)).toMatchObject({ id: failed?.id, body: failed?.body })
    expect((await act('polar', { act: 'redeliver', event: 'none' })).status).toBe(404)
  })

  test('they can be held back, and arrive out of order', async () => {
    await act('stripe', { act: 'hold' })
    await stripeSubscription()
    expect(received).toEqual([])
    await act('stripe', { act: 'release' })
    expect(types()).toEqual(['invoice.paid', 'customer.subscription.created', 'checkout.session.completed'])
  })

  test('a purchase is reported in the order of the provider, with everything that decides access', async () => {
    const organization = crypto.randomUUID()
    await act('polar', { act: 'pay', checkout: (await polarCheckout(organization)).id })
    expect(types()).toEqual([
      'checkout.updated',
      'subscription.created',
      'order.created',
      'subscription.updated',
      'subscription.active',
      'order.paid',
      'customer.state_changed',
    ])
    const { data } = JSON.parse(received.at(-1)?.body ?? '')
    expect(data).toMatchObject({
      external_id: organization,
      active_subscriptions: [{ status: 'active', product_id: builder.polarProductId, amount: 1_900 }],
    })
  })
})

describe("a customer's way", () => {
  test('the page has a button that pays, and leads back with the id of the checkout', async () => {
    const { id, url, status } = await polarCheckout('org-page')
    expect(status).toBe('open')
    expect(await (await fetch(url)).text()).toContain('Pay $19.00 a month')
    const paid = await fetch(url, { method: 'POST', redirect: 'manual' })
    expect([paid.status, paid.headers.get('location')]).toEqual([303, `https://app.example.com/done?checkout_id=${id}`])
    expect(types()).toContain('subscription.active') // the Worker is notified before the customer is back
    const twice = await fetch(url, { method: 'POST', redirect: 'manual' })
    expect(twice.headers.get('location')).toContain(id)
    expect((await polar('GET', '/subscriptions/?external_customer_id=org-page')).body.pagination.total_count).toBe(1)
    expect((await polar('GET', `/checkouts/${id}`)).body.status).toBe('succeeded')
    expect(await (await fetch(`${stack.url}/polar`)).text()).toContain('Builder: active')
  })

  test('a declined card leaves the checkout open', async () => {
    const { id, url, customer_id: customer } = await polarCheckout('org-declined')
    await act('polar', { act: 'refuse_card', customer })
    expect((await act('polar', { act: 'pay', checkout: id })).status).toBe(402)
    const declined = await fetch(url, { method: 'POST', redirect: 'manual' })
    expect(declined.headers.get('location')).toBe(`/polar/checkout/${id}?declined`)
    await act('polar', { act: 'accept_card', customer })
    expect((await act('polar', { act: 'pay', checkout: id })).status).toBe(204)
  })
})

describe('a subscription', () => {
  test('is changed at once for the rest of the period, or with the next; without payment nothing changes', async () => {
    const { id, customer_id: customer } = await polarSubscription()
    const path = `/subscriptions/${id}`
    await act('polar', { act: 'refuse_card', customer })
    const refused = await polar('PATCH', path, { product_id: pro.polarProductId, proration_behavior: 'invoice' })
    expect(refused).toMatchObject({ status: 402, body: { error: 'PaymentFailed' } })
    await act('polar', { act: 'accept_card', customer })
    const changed = await polar('PATCH', path, { product_id: pro.polarProductId, proration_behavior: 'invoice' })
    expect(changed.body).toMatchObject({ product_id: pro.polarProductId, pending_update: null })
    const { orders } = (await ask('/polar/state')).body
    const [first, second] = orders.filter(({ subscriptionId }: any) => subscriptionId === id)
    expect(first.cents).toBe(1_900)
    expect(second.cents).toBeGreaterThan(2_995)

    const planned = await polar('PATCH', path, {
      product_id: builder.polarProductId,
      proration_behavior: 'next_period',
    })
    expect(planned.body).toMatchObject({
      product_id: pro.polarProductId,
      pending_update: { product_id: builder.polarProductId },
    })
    received = []
    await act('polar', { act: 'advance', subscription: id })
    expect((await polar('GET', path)).body).toMatchObject({ product_id: builder.polarProductId, status: 'active' })
    expect(types()).toEqual(expect.arrayContaining(['subscription.cycled', 'order.paid']))
  })

  test('falls behind when a payment fails, recovers when the card is fixed, and ends at once or with its period', async () => {
    const { id } = await polarSubscription()
    const path = `/subscriptions/${id}`
    await act('polar', { act: 'fail_payment', subscription: id })
    expect((await polar('GET', path)).body).toMatchObject({ status: 'past_due', past_due_at: expect.any(String) })
    await act('polar', { act: 'mend_card', subscription: id })
    expect((await polar('GET', path)).body).toMatchObject({ status: 'active', past_due_at: null })
    received = []
    await polar('PATCH', path, { cancel_at_period_end: true })
    await until(() => received.length === 3)
    expect(types()).toEqual(['subscription.updated', 'subscription.canceled', 'customer.state_changed'])
    await polar('PATCH', path, { cancel_at_period_end: false })
    await polar('PATCH', path, { cancel_at_period_end: true })
    await act('polar', { act: 'advance', subscription: id })
    expect((await polar('GET', path)).body).toMatchObject({ status: 'canceled', ended_at: expect.any(String) })
    expect(types().at(-2)).toBe('subscription.revoked')
    expect((await polar('PATCH', path, { cancel_at_period_end: true })).status).toBe(403)
    const other = await polarSubscription()
    await act('polar', { act: 'cancel_now', subscription: other.id })
    expect((await polar('GET', `/subscriptions/${other.id}`)).body.status).toBe('canceled')
  })

  test("at Stripe has its period on its item, changes by schedules, and repeats a key's first response", async () => {
    const { id, items, ...rest } = await stripeSubscription()
    expect(rest).not.toHaveProperty('current_period_end')
    expect(items.data[0]).toMatchObject({
      price: { id: builder.stripePriceId },
      current_period_end: expect.any(Number),
    })
    const { body: schedule } = await stripe('POST', '/subscription_schedules', { from_subscription: id })
    await stripe('POST', `/subscription_schedules/${schedule.id}`, {
      'phases[0][items][0][price]': builder.stripePriceId,
      'phases[1][items][0][price]': pro.stripePriceId,
    })
    const whole = (await stripe('GET', `/subscriptions/${id}?expand[]=schedule`)).body
    expect(whole.schedule.phases.at(-1).items[0].price).toBe(pro.stripePriceId)
    const key = { 'Idempotency-Key': crypto.randomUUID() }
    const raise = { 'items[0][id]': items.data[0].id, 'items[0][price]': pro.stripePriceId }
    const first = await stripe('POST', `/subscriptions/${id}`, raise, key)
    await stripe('POST', `/subscriptions/${id}`, { cancel_at_period_end: 'true' })
    expect((await stripe('POST', `/subscriptions/${id}`, raise, key)).body).toEqual(first.body)
    expect((await stripe('POST', `/subscriptions/${id}`, { cancel_at_period_end: 'true' }, key)).status).toBe(400)
    expect((await stripe('GET', `/subscriptions/${id}`)).body.cancel_at_period_end).toBe(true)
  })
})
