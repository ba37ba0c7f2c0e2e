/** The providers' own libraries against the local services: their requests, their types, their signature checks. */
import { createServer } from 'node:http'
import { createPolar } from '@polar-sh/sdk/2026-04'
import { Webhook } from 'standardwebhooks'
import { Stripe } from 'stripe'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { LOCAL_PRODUCTS } from '../../../local/stack/payments/products.ts'
import { LOCAL_BILLING } from '../../../local/stack/payments/routes.ts'
import type { Stack } from '../../../local/stack/stack.ts'
import { isPolarSigned, isStripeSigned } from '../../../src/billing/webhooks/signatures.ts'
import { newSecret, signatures } from '../../../src/events/sign.ts'
import { utf8 } from '../../../src/lib/bytes.ts'
import { openStack } from './support.ts'

let stack: Stack
const received: { readonly headers: Record<string, string>; readonly body: string }[] = []

const receiver = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  received.push({ headers: request.headers as Record<string, string>, body })
  response.writeHead(204).end()
})

beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const address = receiver.address()
  const webhookUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`
  const billing = { polar: { ...LOCAL_BILLING.polar, webhookUrl }, stripe: { ...LOCAL_BILLING.stripe, webhookUrl } }
  stack = await openStack({ billing })
}, 60_000)
afterAll(async () => {
  await stack.close()
  receiver.close()
})
afterEach(() => vi.restoreAllMocks())

/** Libraries have fixed provider addresses: these lead to the local services here. */
function routeToStack() {
  const real = globalThis.fetch
  vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    return real(
      url.replace(/^https:\/\/api\.(polar\.sh|stripe\.com)\/v1/, (_, host) => `${stack.url}/${host.split('.')[0]}/v1`),
      init,
    )
  })
}

async function arrivals(header: string) {
  const found = () => received.filter(({ headers }) => header in headers)
  await expect.poll(() => found().length, { timeout: 15_000 }).toBeGreaterThan(1)
  return found()
}

const { builder } = LOCAL_PRODUCTS as unknown as Record<'builder', { polarProductId: string; stripePriceId: string }>
const pay = (provider: string, checkout: string) =>
  fetch(`${stack.url}/${provider}/act`, { method: 'POST', body: JSON.stringify({ act: 'pay', checkout }) })

describe('the official library of Stripe', () => {
  const stripe = () => {
    routeToStack()
    return new Stripe(LOCAL_BILLING.stripe.token, { httpClient: Stripe.createFetchHttpClient(), maxNetworkRetries: 0 })
  }

  test('sells a subscription, reads it, and recognizes the webhooks as its own', async () => {
    const client = stripe()
    const session = await client.checkout.sessions.create({
      mode: 'subscription',
      line_items: [{ price: builder.stripePriceId, quantity: 1 }],
      client_reference_id: 'org-stripe',
      customer_email: 'ada@example.com',
      subscription_data: { metadata: { org_id: 'org-stripe' } },
      success_url: 'https://app.example.com/',
    })
    expect(session).toMatchObject({ object: 'checkout.session', status: 'open' })
    await pay('stripe', session.id)
    const done = await client.checkout.sessions.retrieve(session.id)
    const subscription = await client.subscriptions.retrieve(done.subscription as string)
    expect(subscription).toMatchObject({ object: 'subscription', status: 'active', metadata: { org_id: 'org-stripe' } })
    expect(subscription.items.data.map(({ price }) => price.id)).toContain(builder.stripePriceId)
    for (const { headers, body } of await arrivals('stripe-signature')) {
      const event = await client.webhooks.constructEventAsync(
        body,
        headers['stripe-signature'] ?? '',
        LOCAL_BILLING.stripe.webhookSecret,
      )
      expect(event).toMatchObject({ object: 'event', livemode: false })
    }
  })

  /** A paid subscription. */
  async function subscribed(client: Stripe) {
    const session = await client.checkout.sessions.create({
      mode: 'subscription',
      line_items: [{ price: builder.stripePriceId, quantity: 1 }],
      customer_email: 'ada@example.com',
      success_url: 'https://app.example.com/',
    })
    await pay('stripe', session.id)
    const { subscription, customer } = await client.checkout.sessions.retrieve(session.id)
    return { subscription: subscription as string, customer: customer as string }
  }
  const advance = (subscription: string) =>
    fetch(`${stack.url}/stripe/act`, { method: 'POST', body: JSON.stringify({ act: 'advance', subscription }) })

  test('puts invoice items on the next renewal, each once under its key, and none on a finalized one', async () => {
    const client = stripe()
    const { subscription, customer } = await subscribed(client)
    const item = { customer, subscription, currency: 'usd', amount: 469, metadata: { ledger_row: 'a' } }
    const made = await client.invoiceItems.create(item, { idempotencyKey: `a ${customer}` })
    expect(made).toMatchObject({ object: 'invoiceitem', amount: 469, invoice: null, metadata: { ledger_row: 'a' } })
    expect((await client.invoiceItems.create(item, { idempotencyKey: `a ${customer}` })).id).toBe(made.id)
    const other = client.invoiceItems.create({ ...item, amount: 1 }, { idempotencyKey: `a ${customer}` })
    await expect(other).rejects.toBeInstanceOf(Stripe.errors.StripeIdempotencyError)
    const listed = await client.invoiceItems.list({ customer, pending: true })
    expect(listed.data.map(({ id }) => id)).toEqual([made.id])

    await advance(subscription)
    const { invoice } = await client.invoiceItems.retrieve(made.id)
    const renewal = await client.invoices.retrieve(invoice as string)
    expect(renewal).toMatchObject({ status: 'paid', billing_reason: 'subscription_cycle', total: 1_900 + 469 })
    expect(renewal.lines.data.map(({ amount }) => amount)).toEqual([1_900, 469])
    expect((await client.invoiceItems.list({ customer, pending: true })).data).toEqual([])
    const late = client.invoiceItems.create({ customer, currency: 'usd', amount: 5, invoice: renewal.id })
    await expect(late).rejects.toMatchObject({ statusCode: 400, code: 'invoice_not_editable' })
  })

  test("creates an invoice manually of a customer's pending items, and finalizes it", async () => {
    const client = stripe()
    const session = await client.checkout.sessions.create({
      mode: 'subscription',
      line_items: [{ price: builder.stripePriceId, quantity: 1 }],
      success_url: 'https://app.example.com/',
    })
    const customer = session.customer as string
    const create = (default_payment_method = `pm_${customer}`) =>
      client.invoices.create({
        customer,
        default_payment_method,
        auto_advance: true,
        pending_invoice_items_behavior: 'include',
      })
    await expect(create()).rejects.toMatchObject({ code: 'invoice_no_customer_line_items' })
    await expect(create('pm_of_somebody')).rejects.toMatchObject({ code: 'resource_missing' })
    const amounts = [{ amount: 120 }, { unit_amount_decimal: Stripe.Decimal.from('0.4'), quantity: 7 }]
    for (const amount of amounts) await client.invoiceItems.create({ customer, currency: 'usd', ...amount })
    const draft = await create()
    expect(draft).toMatchObject({ status: 'draft', total: 123, parent: null })
    expect(await client.invoices.finalizeInvoice(draft.id)).toMatchObject({ status: 'paid', amount_paid: 123 })
    await expect(client.invoices.finalizeInvoice(draft.id)).rejects.toMatchObject({ code: 'invoice_not_editable' })
    const { data } = await client.invoices.list({ customer })
    expect(data.map(({ id }) => id)).toEqual([draft.id])
  })

  test('signs in the way Tollgate verifies', async () => {
    const payload = JSON.stringify({ id: 'evt_1' })
    const { webhookSecret: secret } = LOCAL_BILLING.stripe
    const signature = await stripe().webhooks.generateTestHeaderStringAsync({ payload, secret })
    const delivery = { headers: new Headers({ 'Stripe-Signature': signature }), body: utf8(payload), now: Date.now() }
    expect(await isStripeSigned([secret], delivery)).toBe(true)
    expect(await isStripeSigned(['whsec_another'], delivery)).toBe(false)
  })

  test('is refused as Stripe refuses: an unknown subscription, and a wrong key', async () => {
    await expect(stripe().subscriptions.retrieve('sub_none')).rejects.toMatchObject({ statusCode: 404 })
    const stranger = new Stripe('sk_test_other', { httpClient: Stripe.createFetchHttpClient(), maxNetworkRetries: 0 })
    await expect(stranger.subscriptions.retrieve('sub_none')).rejects.toMatchObject({ statusCode: 401 })
  })
})

describe('the official library of Polar', () => {
  const polar = () => {
    routeToStack()
    return createPolar({ accessToken: LOCAL_BILLING.polar.token })
  }

  test('sells a subscription and reads it', async () => {
    const client = polar()
    const checkout = await client.checkouts.create({
      products: [builder.polarProductId],
      external_customer_id: 'org-polar',
      customer_email: 'ada@example.com',
      success_url: 'https://app.example.com/',
    })
    expect(checkout).toMatchObject({ status: 'open', url: expect.stringContaining(checkout.id) })
    await pay('polar', checkout.id)
    const found = await client.subscriptions.list({ external_customer_id: 'org-polar' })
    expect(found.items).toMatchObject([{ status: 'active', product_id: builder.polarProductId }])
  })
})

describe('the official library of Standard Webhooks', () => {
  test("accepts the signature of Polar's webhooks", async () => {
    const verifier = new Webhook(Buffer.from(LOCAL_BILLING.polar.webhookSecret).toString('base64'))
    for (const { headers, body } of await arrivals('webhook-id')) {
      expect(verifier.verify(body, headers)).toMatchObject({ type: expect.any(String) })
      const delivery = { headers: new Headers(headers), body: utf8(body), now: Date.now() }
      expect(await isPolarSigned([LOCAL_BILLING.polar.webhookSecret], delivery)).toBe(true)
    }
  })

  test('verifies what Tollgate sends to its customers, with the new and the former secret', async () => {
    const [secret, former] = [newSecret(), newSecret()]
    const [id, timestamp, body] = ['msg_1', Math.floor(Date.now() / 1000), JSON.stringify({ type: 'usage.threshold' })]
    const headers = {
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': await signatures([secret, former], { id, timestamp, body }),
    }
    for (const one of [secret, former]) expect(new Webhook(one).verify(body, headers)).toEqual(JSON.parse(body))
    expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow()
  })
})
