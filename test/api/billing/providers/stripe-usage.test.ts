import { afterEach, expect, test, vi } from 'vitest'
import { openStripe } from '../../../../src/billing/providers/stripe.ts'
import { directly } from '../../../support/direct.ts'
import { failFor } from '../../../support/faults.ts'
import { newCustomer } from '../../../support/payments.ts'
import { answering, codeOf, json, NOTHING as NO_AMOUNTS, newAmount } from '../../../support/provider-answers.ts'

const NOTHING = { ...NO_AMOUNTS, invoices: new Map() }

afterEach(() => vi.restoreAllMocks())

const stripe = openStripe(directly().config)

test('an amount that Stripe fails to accept stops none of those after it', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { buy, subscription, organizationId } = await newCustomer('stripe')
  await buy('builder')
  const { id, customer } = await subscription()
  const customerId: string = customer.id
  const amounts = Array.from({ length: 12 }, (_, place) => ({
    idempotencyKey: `${organizationId}-${place}-`,
    generation: 0,
    organizationId,
    customerId,
    subscriptionId: id,
    meter: 'api_calls',
    value: 1,
    unitsPerOne: 1,
    cents: 3n,
    periodStart: new Date(),
    at: new Date(),
  }))
  await failFor(`${organizationId}-1-`, { door: 'stripe', count: 1, kind: 'status', value: 500 })
  const all = amounts.map(({ idempotencyKey }) => idempotencyKey)
  expect(await stripe.sendUsage(amounts)).toEqual({ ...NOTHING, taken: all.filter((_, place) => place !== 1) })
})

test('overage is an invoice item of the cents computed here, under the key of its ledger row', async () => {
  const asked = answering(json({ id: 'ii_1', invoice: null }))
  expect(await stripe.sendUsage([newAmount('a')])).toEqual({ ...NOTHING, taken: ['a'] })
  expect([asked[0]?.line, asked[0]?.headers.get('Idempotency-Key')]).toEqual(['POST /stripe/v1/invoiceitems', 'a'])
  expect(Object.fromEntries(new URLSearchParams(asked[0]?.body))).toEqual({
    customer: 'cus_1',
    subscription: 'sub_1',
    currency: 'usd',
    amount: '12',
    description: "api_calls: 7 above the plan's limit",
    discountable: 'false',
    'period[start]': '1793491200',
    'period[end]': '1794700800',
    'metadata[org_id]': '0193e3a0-0000-7000-8000-000000000001',
    'metadata[meter]': 'api_calls',
    'metadata[units]': '7',
    'metadata[ledger_row]': 'a',
  })
})

test('refused items have a reason; temporary refusals are separate, and unanswered items are in no list', async () => {
  const bad = { error: { message: 'No such customer.' } }
  answering(json({ id: 'ii_1' }), json(bad, 400), json({}, 409), json({}, 500))
  expect(await stripe.sendUsage(['a', 'b', 'c', 'd'].map(newAmount))).toEqual({
    ...NOTHING,
    taken: ['a'],
    refused: [{ idempotencyKey: 'b', reason: 'No such customer.' }],
    postponed: [{ idempotencyKey: 'c', reason: expect.any(String) }],
  })
  answering(json({}, 500))
  expect(await codeOf(stripe.sendUsage([newAmount('a')]))).toBe('billing_unavailable')
})

test('an item that may have arrived long ago is searched on every page, and sent under a new key if missing', async () => {
  const again = { ...newAmount('a'), generation: 2 }
  const page = (ledger_row: string, has_more: boolean) =>
    json({
      data: [{ id: `ii_${ledger_row}`, amount: 12, currency: 'usd', invoice: null, metadata: { ledger_row } }],
      has_more,
    })
  const found = answering(page('b', true), page('a', false))
  expect((await stripe.sendUsage([again])).taken).toEqual(['a'])
  expect(found.map(({ line }) => line)).toEqual([
    'GET /stripe/v1/invoiceitems?customer=cus_1&created[gte]=1793491200&limit=100',
    'GET /stripe/v1/invoiceitems?customer=cus_1&created[gte]=1793491200&limit=100&starting_after=ii_b',
  ])
  vi.restoreAllMocks()
  const absent = answering(page('b', false), json({ id: 'ii_1' }))
  expect((await stripe.sendUsage([again])).taken).toEqual(['a'])
  expect(absent[1]?.headers.get('Idempotency-Key')).toBe('a:2')
})

test.each([
  [13, 'usd'],
  [12, 'eur'],
])('an item that Stripe has with other figures, %i %s, is neither accepted nor sent', async (amount, currency) => {
  const item = { id: 'ii_9', amount, currency, invoice: null, metadata: { ledger_row: 'a' } }
  const asked = answering(json({ data: [item], has_more: false }))
  expect(await stripe.sendUsage([{ ...newAmount('a'), generation: 1 }])).toEqual({
    ...NOTHING,
    contradicted: [{ idempotencyKey: 'a', reason: expect.stringMatching(`ii_9.*${amount} ${currency}.*12 usd`) }],
  })
  expect(asked).toHaveLength(1)
})

test("an invoice that Stripe refuses is reported with Stripe's message, and delays no other amount", async () => {
  const own = { ...newAmount('a'), subscriptionId: undefined }
  const item = json({ id: 'ii_1', invoice: null })
  const bought = json({ data: [{ default_payment_method: null }, { default_payment_method: 'pm_7' }] })
  const asked = answering(item, item, bought, json({ error: { message: 'The customer has no address.' } }, 400))
  expect(await stripe.sendUsage([own])).toEqual({
    ...NOTHING,
    postponed: [{ idempotencyKey: 'a', reason: 'The customer has no address.' }],
  })
  expect(asked.map(({ line }) => line)).toEqual([
    'POST /stripe/v1/invoiceitems',
    'GET /stripe/v1/invoiceitems/ii_1',
    'GET /stripe/v1/subscriptions?customer=cus_1&status=all&limit=100',
    'POST /stripe/v1/invoices',
  ])
  expect(new URLSearchParams(asked[3]?.body).get('default_payment_method')).toBe('pm_7')
})

test('a batch ends within its time limit: items not begun by then stay open', async () => {
  let now = Date.now()
  vi.spyOn(Date, 'now').mockImplementation(() => now)
  const asked = answering(...Array.from({ length: 12 }, () => json({ id: 'ii_1', invoice: null })))
  const amounts = Array.from({ length: 12 }, (_, place) => newAmount(`${place}`))
  const fetched = vi.mocked(globalThis.fetch)
  const answer = fetched.getMockImplementation() as typeof fetch
  fetched.mockImplementation((input, init) => {
    now += 10_000 // each call takes as long as a call may
    return answer(input, init)
  })
  const begun = now
  const { taken } = await stripe.sendUsage(amounts)
  expect(taken).toHaveLength(10)
  expect(asked).toHaveLength(10)
  expect(now - begun).toBeLessThan(stripe.sendUsageMs)
})
