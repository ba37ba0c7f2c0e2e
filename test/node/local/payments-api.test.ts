import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LOCAL_PRODUCTS } from '../../../local/stack/payments/products.ts'
import { LOCAL_BILLING } from '../../../local/stack/payments/routes.ts'
import type { Stack } from '../../../local/stack/stack.ts'
import { openStack } from './support.ts'

let stack: Stack

beforeAll(async () => {
  stack = await openStack()
}, 60_000)
afterAll(() => stack.close())

const polarProductId = LOCAL_PRODUCTS.builder?.polarProductId
const stripePriceId = LOCAL_PRODUCTS.builder?.stripePriceId ?? ''

async function polar(method: string, path: string, body?: unknown) {
  const headers = { Authorization: `Bearer ${LOCAL_BILLING.polar.token}` }
  const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
  const response = await fetch(`${stack.url}/polar/v1${path}`, init)
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text }
}

async function stripe(path: string, fields: Record<string, string>) {
  const headers = { Authorization: `Bearer ${LOCAL_BILLING.stripe.token}` }
  const init = { method: 'POST', headers, body: new URLSearchParams(fields) }
  const response = await fetch(`${stack.url}/stripe/v1${path}`, init)
  return { status: response.status, body: await response.json() }
}

const control = (path: string, method = 'GET', body?: unknown) =>
  fetch(stack.url + path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) })

describe('usage', () => {
  test('Polar counts an external id once, forever, and one bad event refuses its whole batch', async () => {
    const checkout = { products: [polarProductId], external_customer_id: 'org-1', customer_email: 'a@example.com' }
    const { customer_id } = (await polar('POST', '/checkouts/', checkout)).body
    const event = (external_id: string, more: object = {}) => ({
      name: 'api_calls',
      customer_id,
      external_id,
      metadata: { value: 5 },
      ...more,
    })
    const ingest = (...events: object[]) => polar('POST', '/events/ingest', { events })
    expect((await ingest(event('a'), event('b'), event('a'))).body).toEqual({ inserted: 2, duplicates: 1 })
    expect((await ingest(event('a'))).body).toEqual({ inserted: 0, duplicates: 1 })
    for (const bad of [
      { name: 'x'.repeat(129) },
      { timestamp: '2999-01-01T00:00:00Z' },
      { timestamp: '2026-01-01T00:00:00' },
      { customer_id: 'nobody' },
    ]) {
      const refused = await ingest(event('c'), event('d', bad))
      expect([refused.status, refused.body.detail[0].loc.slice(0, 3)]).toEqual([422, ['body', 'events', 1]])
    }
    const { body } = await polar('GET', `/customers/${customer_id}/state`)
    expect(body.active_meters).toMatchObject([{ consumed_units: 10 }])
  })

  test('Stripe accepts invoice items of whole cents, for existing customers and subscriptions', async () => {
    const order = { 'line_items[0][price]': stripePriceId, success_url: 'https://app.example.com/' }
    const { customer, id } = (await stripe('/checkout/sessions', order)).body
    const send = (more: Record<string, string> = {}) =>
      stripe('/invoiceitems', { customer, currency: 'usd', amount: '5', ...more })
    expect((await send()).body).toMatchObject({ object: 'invoiceitem', amount: 5, parent: null, quantity: 1 })
    for (const [fields, param] of [
      [{ customer: '' }, 'customer'],
      [{ customer: 'nobody' }, 'customer'],
      [{ currency: '' }, 'currency'],
      [{ amount: '1.5' }, 'amount'],
      [{ subscription: 'sub_none' }, 'subscription'],
      [{ invoice: 'in_none' }, 'invoice'],
    ] as const) {
      const refused = await send(fields)
      expect([refused.status, refused.body.error.param], param).toEqual([400, param])
    }
    await control('/stripe/act', 'POST', { act: 'pay', checkout: id })
    const state: any = await (await control('/stripe/state')).json()
    const bought = state.subscriptions.find((one: any) => one.checkoutId === id)
    expect((await send({ subscription: bought.id })).status).toBe(200)
    await control('/stripe/act', 'POST', { act: 'cancel_now', subscription: bought.id })
    expect((await send({ subscription: bought.id })).body.error.param).toBe('subscription')
  })
})

test('without its token nothing is answered, an unknown object is a 404, and bad commands are refused in its words', async () => {
  for (const path of ['/polar/v1/subscriptions/', '/stripe/v1/subscriptions'])
    expect((await fetch(stack.url + path, { headers: { Authorization: 'Bearer other' } })).status).toBe(401)
  expect((await polar('GET', '/subscriptions/none')).body).toEqual({ error: 'ResourceNotFound', detail: 'Not found' })
  expect((await polar('POST', '/checkouts/', { products: [] })).body.detail[0].loc).toEqual(['body', 'products'])
  expect((await polar('POST', '/checkouts/', { products: ['none'] })).body.detail[0].loc).toEqual([
    'body',
    'products',
    0,
  ])
  expect((await stripe('/checkout/sessions', { 'line_items[0][price]': 'none' })).body.error.code).toBe(
    'resource_missing',
  )
  expect((await polar('POST', '/customer-sessions/', { external_customer_id: 'none' })).status).toBe(422)
  expect((await control('/polar/act', 'POST', { act: 'dance' })).status).toBe(400)
})

test('they are services like the others: counted, and made to fail', async () => {
  await control('/control/counters', 'DELETE')
  await control('/control/faults', 'POST', { door: 'polar', kind: 'status', value: 503, count: 1 })
  expect((await polar('GET', '/subscriptions/')).status).toBe(503)
  expect((await polar('GET', '/subscriptions/')).status).toBe(200)
  expect(await (await control('/control/counters')).json()).toMatchObject({
    polar: { requests: 2 },
    stripe: { requests: 0 },
  })
})
