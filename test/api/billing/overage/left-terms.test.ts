/** What a period costs in which an organization had several plans, add-ons or limits of its own. */
import { afterAll, describe, expect, test, vi } from 'vitest'
import { recordOverage } from '../../../../src/billing/overage/job.ts'
import { notifySpendCaps } from '../../../../src/billing/spend-cap/notify.ts'
import { uuidv7 } from '../../../../src/lib/uuid.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call, verify } from '../../../support/http.ts'
import { act, newCustomer } from '../../../support/payments.ts'
import { hidePlans, LIMITS, sellPlan } from '../../../support/sold-plans.ts'
import { takeTurns } from '../../../support/turns.ts'

takeTurns('overage')
vi.setConfig({ testTimeout: 60_000 })
vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const token = await administrator()
const made: string[] = []
afterAll(() => hidePlans(made))

interface Sold {
  readonly cents: number
  readonly limit: number | null
  readonly at_limit?: 'allow' | 'block'
  /** US dollars of a call above the limit. */
  readonly price?: string
}

const tiers = (price: string) => ({ api_calls: { tiers: [{ up_to: null, unit_price_usd: price }] } })

/** A plan for sale at Stripe, with one add-on of 500 calls. */
async function sellCalls({ cents, limit, at_limit = 'allow', price }: Sold): Promise<string> {
  const id = await sellPlan('stripe', {
    prices: [{ cents }],
    limits: { ...LIMITS, meters: { api_calls: { limit, at_limit } } },
    ...(price && { overage: tiers(price) }),
    addons: [{ id: 'calls', prices: [{ cents: 100 }], limits: { meters: { api_calls: 500 } } }],
  })
  made.push(id)
  return id
}

async function world() {
  const customer = await newCustomer('stripe')
  const { organizationId, post } = customer
  const use = (api_calls: number) =>
    writeUsage(directly(), [
      { id: uuidv7(Date.now()), organization_id: organizationId, occurred_at: new Date().toISOString(), api_calls },
    ])
  const change = async (body: object) => {
    const { status, body: after } = await post('change', body)
    expect(status, JSON.stringify(after)).toBe(200)
  }
  const putOn = async (plan: string) => {
    const path = `/api/v1/admin/organizations/${organizationId}/plan`
    expect((await call(`PUT ${path}`, { token, body: { plan } })).status).toBe(200)
  }
  const putLimit = async (api_calls: number | null) => {
    const path = `/api/v1/admin/organizations/${organizationId}/quotas`
    expect((await call(`PUT ${path}`, { token, body: { api_calls } })).status).toBe(200)
  }
  const renew = async () => {
    await act('stripe', { act: 'advance', subscription: (await customer.subscription()).id })
    await customer.arrive()
  }
  /** The units that are charged until now. */
  const charged = async () => {
    await recordOverage(directly(), Date.now(), organizationId)
    return recorded()
  }
  const recorded = async () => {
    const [row] = await sql.query(
      `select coalesce(sum(units), 0)::int as units from billing_usage_ledger where organization_id = $1 and meter = 'api_calls'`,
      [organizationId],
    )
    return row?.units
  }
  return { ...customer, use, change, putOn, putLimit, renew, charged, recorded }
}

describe('use that a plan includes is charged by no later plan of the same period', () => {
  test('after a plan without a limit that an administrator chose nothing is charged', async () => {
    const { use, putOn, buy, charged, info } = await world()
    await putOn('enterprise')
    await use(20_000_000)
    await buy('builder')
    expect(await charged()).toBe(0)
    expect((await info()).overage.total_cents).toBe(0)
    await use(1_000)
    expect(await charged()).toBe(0)
  })

  test('after a plan that allows more without a price nothing is charged', async () => {
    const [free, priced] = [
      await sellCalls({ cents: 1_000, limit: 100 }),
      await sellCalls({ cents: 2_000, limit: 200, price: '0.01' }),
    ]
    const { use, change, buy, charged, info } = await world()
    await buy(free)
    await use(300)
    await change({ plan: priced })
    await use(300)
    expect(await charged()).toBe(0)
    expect((await info()).overage.total_cents).toBe(0)
  })

  test('after a plan that refuses more than it includes, the larger limit of the two counts', async () => {
    const [blocks, priced] = [
      await sellCalls({ cents: 1_000, limit: 5_000, at_limit: 'block' }),
      await sellCalls({ cents: 2_000, limit: 1_000, price: '0.01' }),
    ]
    const { use, change, buy, charged, info } = await world()
    await buy(blocks)
    await use(3_000)
    await change({ plan: priced })
    expect(await charged()).toBe(0)
    await use(2_001)
    expect((await info()).overage.meters.api_calls).toEqual({ units: 1, amount_usd: '0.010000' })
    expect(await charged()).toBe(1)
  })

  test('a plan that refuses, entered from one with a price, counts with its larger limit as well', async () => {
    const [priced, blocks] = [
      await sellCalls({ cents: 1_000, limit: 1_000, price: '0.01' }),
      await sellCalls({ cents: 2_000, limit: 5_000, at_limit: 'block' }),
    ]
    const { use, change, buy, charged } = await world()
    await buy(priced)
    await use(1_100)
    await change({ plan: blocks })
    await use(3_000)
    expect(await charged()).toBe(100)
  })

  test('a move from a version without a price to one with a price charges nothing of the period', async () => {
    const plan = await sellCalls({ cents: 1_000, limit: 100 })
    const { use, buy, charged, organizationId } = await world()
    await buy(plan)
    await use(300)
    const path = `/api/v1/admin/plans/${plan}`
    expect((await call(`PATCH ${path}`, { token, body: { overage: tiers('0.01') } })).body.version).toBe(2)
    const moved = await call(`POST ${path}/move`, { token, body: { organization_id: organizationId } })
    expect(moved.body).toMatchObject({ moved: 1 })
    expect(await charged()).toBe(0)
  })

  test('what was used on the first plan is not charged; what follows is, above the bought limit', async () => {
    const plan = await sellCalls({ cents: 1_000, limit: 1_000, price: '0.01' })
    const { use, buy, charged } = await world()
    await use(3_000)
    await buy(plan)
    expect(await charged()).toBe(0)
    await use(10)
    expect(await charged()).toBe(10)
    const other = await world()
    await other.use(900)
    await other.buy(plan)
    await other.use(101)
    expect(await other.charged()).toBe(1)
  })

  test('what was used on a plan before it was paid for is not charged either', async () => {
    const plan = await sellCalls({ cents: 1_000, limit: 1_000, price: '0.01' })
    const { use, putOn, buy, charged } = await world()
    await putOn(plan)
    await use(3_000)
    await buy(plan)
    expect(await charged()).toBe(0)
    await use(10)
    expect(await charged()).toBe(10)
  })

  test('who leaves a plan and comes back is charged once, for all that is above it', async () => {
    const plan = await sellCalls({ cents: 1_000, limit: 200_000, price: '0.01' })
    const { use, buy, charged, subscription, arrive } = await world()
    await buy(plan)
    await use(200_500)
    await act('stripe', { act: 'cancel_now', subscription: (await subscription()).id })
    await arrive()
    expect(await charged()).toBe(500)
    await buy(plan)
    await use(250)
    expect(await charged()).toBe(750)
  })
})

test('a plan that ends with its paid period has no part in the usage period that begins with the next one', async () => {
  const [large, small] = [
    await sellCalls({ cents: 4_900, limit: 5_000, price: '0.01' }),
    await sellCalls({ cents: 1_900, limit: 1_000, price: '0.02' }),
  ]
  const { use, buy, change, charged, subscription, arrive, organizationId } = await world()
  await buy(large)
  await change({ plan: small })
  await sql.query(
    `update subscriptions set current_period_start = current_period_start - interval '30 days' where organization_id = $1`,
    [organizationId],
  )
  const { id } = await subscription()
  await act('stripe', { act: 'advance', subscription: id })
  const { periodStart } = await subscription()
  const begins = new Date(Math.floor(Date.parse(periodStart) / 1_000) * 1_000).toISOString() // Stripe's times are whole seconds
  await sql.query('update organizations set period_anchor = $2 where id = $1', [organizationId, begins])
  await arrive()
  await use(1_100)
  expect(await charged()).toBe(100)
})

test('terms that the previous release left without prices get those of the plan', async () => {
  const plan = await sellCalls({ cents: 1_000, limit: 1_000, price: '0.01' })
  const { use, buy, charged, organizationId } = await world()
  await buy(plan)
  expect(await charged()).toBe(0)
  await sql.query('update billing_terms set tiers = null where organization_id = $1', [organizationId])
  await use(1_100)
  expect(await charged()).toBe(100)
})

describe('overage until now is recorded before', () => {
  const plan = () => sellCalls({ cents: 1_000, limit: 1_000, price: '0.01' })

  test('an add-on raises the limit', async () => {
    const { use, buy, change, recorded, charged } = await world()
    await buy(await plan())
    await use(1_100)
    await change({ addons: [{ id: 'calls', quantity: 1 }] })
    expect(await recorded()).toBe(100)
    await use(500)
    expect(await charged()).toBe(100)
  })

  test.each(['quotas', 'customer'] as const)('an administrator raises the limit (%s)', async (where) => {
    const { use, buy, putLimit, recorded, organizationId } = await world()
    await buy(await plan())
    await use(1_100)
    const path = `/api/v1/admin/organizations/${organizationId}`
    if (where === 'quotas') await putLimit(2_000)
    else expect((await call(`PATCH ${path}`, { token, body: { limits: { api_calls: 2_000 } } })).status).toBe(200)
    expect(await recorded()).toBe(100)
  })
})

describe('the billing page and the spend cap count what will be charged', () => {
  const large = () => sellCalls({ cents: 4_900, limit: 5_000, price: '0.01' })

  /** An organization that used 3,000 of the 5,000 calls of its plan, with a cap of $5. */
  async function capped() {
    const made = await world()
    await made.buy(await large())
    await made.use(3_000)
    const { body } = await call('POST /api/v1/auth/api-keys', { token: made.token, body: { name: 'A key' } })
    const cap = await call('PUT /api/v1/billing/spend-cap', {
      token: made.token,
      body: { cost_usd: '5.00', action: 'block' },
    })
    expect(cap.status).toBe(200)
    const state = async () => {
      const { overage, spend_cap, next_charge } = await made.info()
      return [overage.total_cents, spend_cap.used, next_charge?.amount_cents]
    }
    const code = async () => (await verify(body.key)).body.code
    return { ...made, state, code }
  }

  test('after a downgrade the larger plan counts until the usage period ends', async () => {
    const small = await sellCalls({ cents: 1_900, limit: 1_000, price: '0.02' })
    const { change, renew, state, code, email, charged } = await capped()
    await change({ plan: small })
    await renew()
    expect(await state()).toEqual([0, '0.000000', 1_900])
    expect(await code()).toBe('VALID')
    await notifySpendCaps(directly())
    expect(
      await sql.query(`select from mail_outbox where recipient = $1 and subject like '%spend cap%'`, [email]),
    ).toEqual([])
    expect(await charged()).toBe(0)
  })

  test('after an add-on ended, or a limit was lowered, the larger one counts', async () => {
    const { change, renew, state, code, putLimit, use } = await capped()
    await change({ addons: [{ id: 'calls', quantity: 2 }] })
    await use(3_000)
    await change({ addons: [] })
    await renew()
    expect(await state()).toEqual([0, '0.000000', 4_900])
    await putLimit(10)
    expect(await state()).toEqual([0, '0.000000', 4_900])
    expect(await code()).toBe('VALID')
    await use(100)
    expect(await state()).toEqual([100, '1.000000', 5_000])
  })
})
