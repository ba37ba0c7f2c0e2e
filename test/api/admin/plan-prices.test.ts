import { expect, test } from 'vitest'
import { administrator, call } from '../../support/http.ts'

const token = await administrator()
const limits = { rate_limit_per_minute: 30, max_api_keys: 3, meters: {} }
const price = { interval: 'month', currency: 'usd', amount_cents: 1_250 }
const newId = () => `prices-${crypto.randomUUID().slice(0, 13)}`
const plan = (id: string) => ({ id, name: 'Gold', prices: [price], limits, is_public: false })
const create = (body: unknown) => call('POST /api/v1/admin/plans', { token, body })
const seats = { included: 2 }

test.each([
  ['prices', undefined],
  ['prices', [price, price]],
  ['prices.0.amount_cents', -1],
  ['prices.0.amount_cents', 9.99],
  ['prices.0.amount_cents', undefined],
  ['prices.0.interval', 'week'],
  ['prices.0.currency', 'USD'],
  ['prices.0.currency', 'dollars'],
  ['prices.0.seat_amount_cents', -1],
  ['prices.0.seat_amount_cents', 500],
  ['prices.0.stripe_price_id', ''],
  ['trial_days', -1],
  ['trial_days', 731],
  ['seats', 5],
  ['seats', { included: 0 }],
  ['seats', { included: 5, max: 4 }],
  [
    'addons',
    [
      { id: 'more', name: 'More', prices: [price], limits: {} },
      { id: 'more', name: 'More', prices: [price], limits: {} },
    ],
  ],
  ['addons', [{ id: 'more', name: 'More', prices: [], limits: {} }]],
  ['addons', [{ id: 'more', name: 'More', prices: [price], limits: { meters: { tokens: 0 } } }]],
] as [string, unknown][])('a plan with %s of %j is refused by name', async (path, value) => {
  const body: any = structuredClone(plan(newId()))
  const names = path.split('.')
  const holder = names.slice(0, -1).reduce((at, name) => at[name], body)
  holder[names.at(-1) ?? ''] = value
  const { status, body: problem } = await create(body)
  expect(status, JSON.stringify(problem)).toBe(400)
  expect(problem.errors[0].path).toContain(`body.${path}`)
})

test('prices by interval and currency, trial, seats and add-ons are returned as they were set', async () => {
  const addon = {
    id: 'more',
    name: 'More',
    prices: [price],
    limits: { meters: { tokens: 5 }, max_api_keys: 2, seats: 1 },
  }
  const body = {
    ...plan(newId()),
    prices: [
      { ...price, seat_amount_cents: 500, stripe_price_id: 'price_m' },
      { ...price, interval: 'year', amount_cents: 12_000, stripe_price_id: 'price_y' },
      { ...price, currency: 'eur', amount_cents: null },
    ],
    trial_days: 730,
    seats: { included: 2, max: 2 },
    addons: [addon],
  }
  const made = await create(body)
  expect(made).toMatchObject({ status: 201, body })
  const path = `/api/v1/admin/plans/${body.id}`
  expect((await call(`GET ${path}`, { token })).body).toEqual(made.body)
  const { body: changed } = await call(`PATCH ${path}`, { token, body: { seats: null, prices: [price], addons: [] } })
  expect(changed).toMatchObject({ version: 1, seats: null, prices: [price], addons: [], trial_days: 730 })
  await call(`DELETE ${path}`, { token })
})

test('a plan that Polar sells by seats has one price for every seat', async () => {
  const sold = (amount_cents: number) => ({
    ...plan(newId()),
    seats,
    prices: [{ ...price, amount_cents, seat_amount_cents: 500, polar_product_id: 'product' }],
  })
  for (const amount of [999, 1_001]) {
    const { status, body } = await create(sold(amount))
    expect([status, body.errors[0].path]).toEqual([400, 'body.prices.0.amount_cents'])
  }
  const { status, body } = await create(sold(1_000))
  expect(status).toBe(201)
  const path = `/api/v1/admin/plans/${body.id}`
  const refused = await call(`PATCH ${path}`, { token, body: { seats: { included: 3 } } })
  expect([refused.status, refused.body.errors[0].path]).toEqual([400, 'body.prices.0.amount_cents'])
  await call(`DELETE ${path}`, { token })
})

test('overage is charged in US dollars, so a plan with overage cannot be sold in another currency', async () => {
  const id = `p${crypto.randomUUID().slice(0, 8)}`
  const limits = { rate_limit_per_minute: 60, max_api_keys: 1, meters: { api_calls: { limit: 10, at_limit: 'allow' } } }
  const price = { interval: 'month', currency: 'eur', amount_cents: 900, stripe_price_id: `price_${id}` }
  const overage = { api_calls: { tiers: [{ up_to: null, unit_price_usd: '0.01' }] } }
  const make = async (more: object) =>
    call('POST /api/v1/admin/plans', {
      token: await administrator(),
      body: { id, name: 'In euros', limits, prices: [price], ...more },
    })
  expect((await make({ overage })).body.errors).toEqual([
    { path: 'body.prices.0.currency', message: 'must be usd: overage is charged in US dollars' },
  ])
  expect((await make({})).status).toBe(201)
})

test('the same rules apply to a plan as it is after a change', async () => {
  const id = newId()
  const meters = { api_calls: { limit: 10, at_limit: 'allow' } }
  const price = (currency: string) => ({ interval: 'month', currency, amount_cents: 900 })
  const tiers = { tiers: [{ up_to: null, unit_price_usd: '0.01' }] }
  const addon = (currency: string) => ({ id: 'more', name: 'More', prices: [price(currency)], limits: {} })
  const body = { id, name: 'In euros', limits: { ...limits, meters }, prices: [price('eur')], is_public: false }
  const change = async (changes: object) => {
    const answer = await call(`PATCH /api/v1/admin/plans/${id}`, { token, body: changes })
    return answer.status === 200 ? 'changed' : answer.body.errors.map((error: { path: string }) => error.path)
  }
  expect((await create(body)).status).toBe(201)
  expect(await change({ overage: { api_calls: tiers } })).toEqual(['body.prices.0.currency'])
  expect(await change({ prices: [price('usd')], overage: { api_calls: tiers } })).toBe('changed')
  expect(await change({ overage: { api_calls: tiers }, prices: [price('eur')] })).toEqual(['body.prices.0.currency'])
  expect(await change({ overage: { queries: null }, prices: [price('eur')] })).toEqual(['body.prices.0.currency'])
  expect(await change({ addons: [addon('usd')] })).toBe('changed')
  expect(await change({ addons: [addon('eur')] })).toEqual(['body.addons.0.prices.0.currency'])
  expect(await change({ overage: { api_calls: null }, prices: [price('eur')], addons: [addon('eur')] })).toBe('changed')
  expect(await change({ overage: { api_calls: tiers } })).toEqual([
    'body.prices.0.currency',
    'body.addons.0.prices.0.currency',
  ])
  const sold = { ...body, id: newId(), prices: [price('usd')], overage: { api_calls: tiers }, addons: [addon('eur')] }
  expect((await create(sold)).body.errors).toMatchObject([{ path: 'body.addons.0.prices.0.currency' }])
  await call(`DELETE /api/v1/admin/plans/${id}`, { token })
})
