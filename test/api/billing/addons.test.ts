import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, verify } from '../../support/http.ts'
import { act, newCustomer, pay, shopState } from '../../support/payments.ts'
import { hidePlans, sellPlan } from '../../support/sold-plans.ts'

const PRICES = [{ cents: 300 }, { cents: 3_000, interval: 'year' as const }]
const limits = {
  rate_limit_per_minute: 100,
  max_api_keys: 3,
  meters: { tokens: { limit: 1_000, at_limit: 'block' }, queries: { limit: null, at_limit: 'allow' } },
}
const ADDONS = [
  { id: 'more_tokens', prices: PRICES, limits: { meters: { tokens: 500, queries: 5 } } },
  { id: 'more_people', prices: PRICES, limits: { seats: 1, max_api_keys: 2 } },
]
const SOLD = {
  prices: [{ cents: 1_000 }, { cents: 10_000, interval: 'year' as const }],
  limits,
  seats: { included: 1 },
}
let [plan, bare, atPolar] = ['', '', '']

beforeAll(async () => {
  plan = await sellPlan('stripe', { ...SOLD, addons: ADDONS })
  bare = await sellPlan('stripe', { ...SOLD, prices: [{ cents: 5_000 }] })
  atPolar = await sellPlan('polar', {
    ...SOLD,
    prices: [{ cents: 1_000 }],
    addons: [{ ...ADDONS[0]!, prices: [{ cents: 300 }] }],
  })
})
afterAll(() => hidePlans([plan, bare, atPolar]))

async function booked(addons: object[], terms: object = {}) {
  const customer = await newCustomer('stripe')
  const { status, body } = await customer.post('checkout', { plan, provider: 'stripe', addons, ...terms })
  expect(status, JSON.stringify(body)).toBe(201)
  await pay(body.url)
  await customer.arrive()
  const quotas = async () => (await call('GET /api/v1/quotas', { token: customer.token })).body
  const { id } = await customer.subscription()
  const paid = async () =>
    (await shopState('stripe')).orders.filter(({ subscriptionId }) => subscriptionId === id).map(({ cents }) => cents)
  return { ...customer, id, quotas, paid }
}

test('add-ons are paid and add to the limits of the plan once per unit bought', async () => {
  const { info, quotas, paid } = await booked([
    { id: 'more_tokens', quantity: 3 },
    { id: 'more_people', quantity: 1 },
  ])
  expect(await paid()).toEqual([2_200])
  expect(await quotas()).toMatchObject({
    max_api_keys: 5,
    meters: { tokens: { limit: 2_500 }, queries: { limit: null } },
  })
  expect(await info()).toMatchObject({
    subscription: {
      addons: [
        { id: 'more_people', quantity: 1 },
        { id: 'more_tokens', quantity: 3 },
      ],
    },
    next_charge: { amount_cents: 2_200 },
  })
})

test('added add-ons start immediately, removed ones end with the period, and the limits follow', async () => {
  const { post, quotas, arrive, id, paid } = await booked([{ id: 'more_tokens', quantity: 1 }])
  const tokens = async () => (await quotas()).meters.tokens.limit
  expect(await tokens()).toBe(1_500)
  const more = [
    { id: 'more_people', quantity: 1 },
    { id: 'more_tokens', quantity: 2 },
  ]
  expect((await post('preview', { addons: more })).body).toMatchObject({ when: 'now', then_cents: 1_900 })
  expect((await post('change', { addons: more })).body).toMatchObject({ addons: more, pending: null })
  expect([await tokens(), (await quotas()).max_api_keys]).toEqual([2_000, 5])
  const [, raise] = await paid()
  expect(raise).toBeGreaterThan(590)
  expect(raise).toBeLessThanOrEqual(600)
  const few = [{ id: 'more_people', quantity: 1 }]
  expect((await post('change', { addons: few })).body).toMatchObject({ addons: more, pending: { addons: few } })
  expect(await tokens()).toBe(2_000)
  await act('stripe', { act: 'advance', subscription: id })
  await arrive()
  expect([await tokens(), (await quotas()).max_api_keys]).toEqual([1_000, 5])
  expect((await paid()).at(-1)).toBe(1_300)
  await act('stripe', { act: 'cancel_now', subscription: id })
  await arrive()
  expect((await quotas()).max_api_keys).toBe(10) // the free plan's
})

test('the next verification sees the new limit', async () => {
  const { post, token } = await booked([])
  const { key } = (await call('POST /api/v1/auth/api-keys', { token, body: { name: 'Key' } })).body
  const tokens = async () => (await verify(key)).body.quotas.tokens.limit
  expect(await tokens()).toBe(1_000)
  await post('change', { addons: [{ id: 'more_tokens', quantity: 4 }] })
  expect(await tokens()).toBe(3_000)
})

test('a new interval keeps the add-ons, and a plan without them ends them', async () => {
  const { post, paid } = await booked([{ id: 'more_tokens', quantity: 2 }])
  expect((await post('change', { interval: 'year' })).body).toMatchObject({
    interval: 'year',
    addons: [{ id: 'more_tokens', quantity: 2 }],
  })
  expect((await paid()).at(-1)).toBeGreaterThan(16_000 - 1_601)
  const moved = await booked([{ id: 'more_tokens', quantity: 2 }])
  expect((await moved.post('change', { plan: bare })).body).toMatchObject({ plan: bare, addons: [] })
  expect((await moved.quotas()).meters.tokens.limit).toBe(1_000)
})

test('an add-on of seats adds seats', async () => {
  const { token, post, organizationId } = await booked([{ id: 'more_people', quantity: 1 }])
  const invite = () =>
    call(`POST /api/v1/organizations/${organizationId}/invitations`, {
      token,
      body: { email: `${crypto.randomUUID()}@example.com`, role: 'member' },
    })
  expect([(await invite()).status, (await invite()).status]).toEqual([201, 409])
  await post('change', { addons: [{ id: 'more_people', quantity: 2 }] })
  expect((await invite()).status).toBe(201)
})

test('an unknown add-on, a repeated one, and a quantity of zero are refused by name', async () => {
  const { post } = await booked([])
  for (const [addons, path] of [
    [[{ id: 'other', quantity: 1 }], 'body.addons.0.id'],
    [[{ id: 'more_tokens', quantity: 0 }], 'body.addons.0.quantity'],
    [[{ id: 'more_tokens', quantity: 1_001 }], 'body.addons.0.quantity'],
    [
      [
        { id: 'more_tokens', quantity: 1 },
        { id: 'more_tokens', quantity: 1 },
      ],
      'body.addons',
    ],
  ] as const) {
    const refused = await post('change', { addons })
    expect([refused.status, refused.body.errors?.[0]?.path]).toEqual([400, path])
  }
})

test('Polar has no add-ons in a subscription, and the refusal names Polar', async () => {
  const { post } = await newCustomer('polar')
  const refused = await post('checkout', {
    plan: atPolar,
    provider: 'polar',
    addons: [{ id: 'more_tokens', quantity: 1 }],
  })
  expect(refused).toMatchObject({ status: 409, body: { code: 'provider_unsupported' } })
  expect(refused.body.detail).toContain('Polar')
})
