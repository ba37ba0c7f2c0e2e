/** An organization that pays a provider for the cost of its calls above $1. */
import { afterAll, expect } from 'vitest'
import { settleCredits } from '../../src/billing/credits/settle.ts'
import { sendMeteredUsage } from '../../src/billing/overage/job.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { writeUsage } from '../../src/metering/write.ts'
import { directly } from './direct.ts'
import { administrator, call } from './http.ts'
import { directlyAt, fullLook } from './overage.ts'
import { newCustomer } from './payments.ts'
import { hidePlans, sellPlan } from './sold-plans.ts'

const made: string[] = []
afterAll(() => hidePlans(made))
const { sql } = directly()

export async function chargedWorld(provider: 'polar' | 'stripe') {
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
  const spend = async (charge_usd: string, id = uuidv7(Date.now())) => {
    const used = { organization_id: organizationId, occurred_at: new Date().toISOString() }
    await writeUsage(directly(), [{ id, ...used, cost_usd: charge_usd, charge_usd } as never])
  }
  const correct = async (event_id: string, cost_usd: string) => {
    const body = { organization_id: organizationId, event_id, cost_usd, reason: 'A test' }
    expect((await call('POST /api/v1/usage/corrections', { token, body })).body).toMatchObject({ outcome: 'corrected' })
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
  return {
    organizationId,
    plan,
    changePlan,
    buy: () => buy(plan),
    info,
    spend,
    correct,
    run,
    settle,
    invoiced,
    grant,
    credits,
    put,
    report,
  }
}
