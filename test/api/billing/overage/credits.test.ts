/** Credits pay call charges made after the first grant, and an invoice those made before it. */
import { afterAll, expect, test } from 'vitest'
import { settleCredits } from '../../../../src/billing/credits/settle.ts'
import { sendMeteredUsage } from '../../../../src/billing/overage/job.ts'
import { uuidv7 } from '../../../../src/lib/uuid.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'
import { directlyAt, fullLook } from '../../../support/overage.ts'
import { newCustomer } from '../../../support/payments.ts'
import { hidePlans, sellPlan } from '../../../support/sold-plans.ts'

const made: string[] = []
afterAll(() => hidePlans(made))
const { sql } = directly()

async function world(provider: 'polar' | 'stripe') {
  const plan = await sellPlan(provider, { prices: [{ cents: 1_900 }] })
  made.push(plan)
  const token = await administrator()
  const changePlan = (body: object) => call(`PATCH /api/v1/admin/plans/${plan}`, { token, body })
  const priced = await changePlan({
    limits: { meters: { cost_usd: { limit: '1.00', at_limit: 'allow' } } },
    overage: { cost_usd: { tiers: [{ up_to: null, unit_price_usd: '0.000001' }] } },
  })
  expect(priced.status).toBe(200)
  const { organizationId, buy, info, token: own } = await newCustomer(provider)
  const spend = async (charge_usd: string) => {
    const used = { organization_id: organizationId, occurred_at: new Date().toISOString() }
    await writeUsage(directly(), [{ id: uuidv7(Date.now()), ...used, cost_usd: charge_usd, charge_usd } as never])
  }
  const run = () => sendMeteredUsage(directlyAt(provider), fullLook())
  const settle = () => settleCredits(directly(), organizationId)
  const invoiced = async () => {
    const [row] = await sql.query(
      'select coalesce(sum(amount_micro_usd), 0)::int as micro from billing_usage_ledger where organization_id = $1',
      [organizationId],
    )
    return row?.micro
  }
  const grant = async (amount: string) => {
    const path = `/api/v1/admin/organizations/${organizationId}/credits`
    expect((await call(`POST ${path}`, { token, body: { amount, reason: 'Goodwill' } })).status).toBe(201)
  }
  const credits = async () => (await call('GET /api/v1/credits', { token: own })).body
  const put = (to: string) =>
    call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, { token, body: { plan: to } })
  const report = async () =>
    (await call(`GET /api/v1/admin/billing/ledger?organization_id=${organizationId}`, { token })).body.data[0]
  return { plan, changePlan, buy: () => buy(plan), info, spend, run, settle, invoiced, grant, credits, put, report }
}

test.each(['polar', 'stripe'] as const)('at %s nothing is paid twice', async (provider) => {
  const { buy, info, spend, run, settle, invoiced, grant, credits, report } = await world(provider)
  await buy()
  await spend('3.00')
  await grant('10.00')
  expect(await invoiced(), 'what was charged before').toBe(2_000_000)
  await spend('4.00')
  await run()
  await settle()
  expect(await invoiced()).toBe(2_000_000)
  expect((await info()).overage).toMatchObject({ total_usd: '2.000000' })
  expect(await credits()).toMatchObject({ balance: '6.000000' })
  expect(await report()).toMatchObject({ overage_units: 2_000_000, difference_units: 0 })
})

test.each(['polar', 'stripe'] as const)(
  'at %s a plan that goes on without credits charges what they did not pay as overage',
  async (provider) => {
    const { buy, changePlan, info, spend, run, settle, invoiced, grant, credits, put, report } = await world(provider)
    expect((await changePlan({ at_no_credits: 'allow' })).status).toBe(200)
    await buy()
    await spend('3.00')
    await grant('10.00') // 2.00 are invoiced
    await spend('10.50')
    await settle()
    await run()
    expect(await invoiced()).toBe(2_500_000)
    await spend('0.25')
    await grant('1.00')
    await spend('0.75')
    expect(await credits()).toMatchObject({ balance: '0.250000', owed: '0.000000' })
    await run()
    expect(await invoiced(), 'not what the new grant paid').toBe(2_750_000)
    expect((await info()).overage).toMatchObject({ total_usd: '2.750000' })
    expect(await report()).toMatchObject({ overage_units: 2_750_000, recorded_units: 2_750_000, difference_units: 0 })
    await spend('1.00')
    await put('pro')
    await run()
    expect(await invoiced(), 'what was charged before the plan was left').toBe(3_500_000)
  },
)
