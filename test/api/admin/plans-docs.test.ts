import { afterAll, expect, test } from 'vitest'
import page from '../../../docs/operate/plans.md?raw'
import { administrator, call } from '../../support/http.ts'
import { newCustomer, pay, shopState } from '../../support/payments.ts'
import { hidePlans, sellPlan } from '../../support/sold-plans.ts'

const token = await administrator()
const LIMITS = { rate_limit_per_minute: 60, max_api_keys: 10, meters: {} }
const made: string[] = []
afterAll(() => hidePlans(made))

async function create(plan: Record<string, any>) {
  const id = `docs-${crypto.randomUUID().slice(0, 13)}`
  const { status, body } = await call('POST /api/v1/admin/plans', {
    token,
    body: { name: 'Docs', limits: LIMITS, prices: [], is_public: false, ...plan, id },
  })
  if (status === 201) made.push(id)
  return { status, body }
}

const blocks = (of: RegExp) => [...page.matchAll(of)].map(([, block = '']) => JSON.parse(block))

test('the prices, seats and add-ons in docs/operate/plans.md create a plan', async () => {
  const fields = blocks(/```json\n(\{\s*"(?:prices|seats|addons)"[^]*?)\n```/g)
  expect(fields.map((one) => Object.keys(one)[0])).toEqual(['prices', 'seats', 'addons'])
  for (const one of fields) {
    const { status, body } = await create(one)
    expect(status, JSON.stringify(body)).toBe(201)
    expect(body).toMatchObject(one)
  }
})

test('the plans of the worked example can be created as printed, and its change can be made', async () => {
  const plans = blocks(/<<'END'\n([^]*?)\nEND/g)
  expect(plans.map(({ id }) => id)).toEqual(['hobby', 'plus', 'squad'])
  for (const plan of plans) {
    const { status, body } = await create(plan)
    expect(status, JSON.stringify(body)).toBe(201)
    const change = JSON.parse(/-d '(\{"limits".*\})'/.exec(page)?.[1] ?? '')
    expect((await call(`PATCH /api/v1/admin/plans/${body.id}`, { token, body: change })).status).toBe(200)
  }
})

test('six people and two add-ons cost what the worked example says', async () => {
  const squad = blocks(/<<'END'\n([^]*?)\nEND/g)[2]
  const choice = JSON.parse(/buys `(\{ "plan": "squad".*?\})`/.exec(page)?.[1] ?? '')
  const [price] = squad.prices
  const [addon] = squad.addons
  const id = await sellPlan('stripe', {
    seats: squad.seats,
    limits: squad.limits,
    prices: [{ cents: price.amount_cents, seat: price.seat_amount_cents }],
    addons: [{ id: addon.id, limits: addon.limits, prices: [{ cents: addon.prices[0].amount_cents }] }],
  })
  made.push(id)
  const { post, arrive, subscription, token: own } = await newCustomer('stripe')
  const { body } = await post('checkout', { ...choice, plan: id })
  await pay(body.url)
  await arrive()
  const bought = (await subscription()).id
  const { orders } = await shopState('stripe')
  const paid = orders.filter(({ subscriptionId }) => subscriptionId === bought).map(({ cents }) => cents)
  expect(paid).toEqual([15_000])
  expect((await call('GET /api/v1/quotas', { token: own })).body.meters.tokens.limit).toBe(70_000_000)
})
