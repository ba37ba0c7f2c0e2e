import { afterAll, beforeAll, expect, test } from 'vitest'
import { administrator, call } from '../../../support/http.ts'
import { act, newCustomer } from '../../../support/payments.ts'

const tag = crypto.randomUUID().slice(0, 8)
const [BASIC, PRO] = [`basic-${tag}`, `pro-${tag}`]
const metered = (plan: string) => `price_${plan}_tokens`
const limits = { rate_limit_per_minute: 1, max_api_keys: 1, meters: { tokens: { limit: 10, at_limit: 'allow' } } }
let token = ''

beforeAll(async () => {
  token = await administrator()
  for (const [id, cents] of [
    [BASIC, 1_000],
    [PRO, 2_000],
  ] as const) {
    const tokens = { tiers: [{ up_to: null, unit_price_usd: '0.01' }], stripe_price_id: metered(id) }
    const prices = [{ interval: 'month', currency: 'usd', amount_cents: cents, stripe_price_id: id }]
    const sold = { prices, is_public: true }
    await call('POST /api/v1/admin/plans', { token, body: { id, name: id, limits, ...sold, overage: { tokens } } })
    await act('stripe', { act: 'add_product', id, name: id, cents, plan: id })
    await act('stripe', { act: 'add_product', id: metered(id), name: 'Tokens', cents: 0, plan: id, metered: true })
  }
})

afterAll(async () => {
  for (const id of [BASIC, PRO]) await call(`PATCH /api/v1/admin/plans/${id}`, { token, body: { is_public: false } })
})

test('metered prices follow the plan at Stripe: immediately on an upgrade, with the next period on a downgrade', async () => {
  const { post, buy, subscription, arrive, info } = await newCustomer('stripe')
  const prices = async () => {
    const { productId, extras } = await subscription()
    return [productId, ...extras.map(({ price }: { price: string }) => price)]
  }
  await buy(BASIC)
  expect(await prices()).toEqual([BASIC, metered(BASIC)])
  expect((await post('change', { plan: PRO })).status).toBe(200)
  expect(await prices()).toEqual([PRO, metered(PRO)])
  expect((await post('change', { plan: BASIC })).body).toMatchObject({ plan: PRO, pending_plan: BASIC })
  expect(await prices()).toEqual([PRO, metered(PRO)])
  expect((await post('change', { plan: PRO })).body).toMatchObject({ plan: PRO, pending_plan: null })
  await post('change', { plan: BASIC })
  await act('stripe', { act: 'advance', subscription: (await subscription()).id })
  await arrive()
  expect(await prices()).toEqual([BASIC, metered(BASIC)])
  expect((await info()).plan.id).toBe(BASIC)
})
