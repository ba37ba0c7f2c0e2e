import { expect, test } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newUser } from '../../support/http.ts'

const PLANS = '/api/v1/admin/plans'
const { sql } = directly()
const token = await administrator()
const limits = {
  rate_limit_per_minute: 30,
  max_api_keys: 3,
  meters: { api_calls: { limit: 1_000, at_limit: 'block' }, storage_gb: { limit: 0.5, at_limit: 'allow' } },
}

test('a plan change publishes the state of its organizations only if it changes that state', async () => {
  const id = `gold-${crypto.randomUUID().slice(0, 13)}`
  const plan = { id, name: 'Gold', prices: [], limits, features: { tier: 'x' }, is_public: false }
  expect((await call(`POST ${PLANS}`, { token, body: plan })).status).toBe(201)
  const holder = await newUser()
  const path = `/api/v1/admin/organizations/${holder.user.organization_id}/plan`
  expect((await call(`PUT ${path}`, { token, body: { plan: id } })).status).toBe(200)
  const { body: hook } = await call('POST /api/v1/webhook-endpoints', {
    token: holder.token,
    body: { url: 'https://hooks.example.com/', events: ['organization.state'] },
  })
  await sql.query(`update webhook_endpoints set paused_until = now() + interval '1 hour' where id = $1`, [hook.id])
  /** The number of states that this change queued. */
  async function told(changes: object) {
    expect((await call(`PATCH ${PLANS}/${id}`, { token, body: changes })).status).toBe(200)
    return (await sql.query('delete from webhook_deliveries where endpoint_id = $1 returning id', [hook.id])).length
  }
  const overage = { api_calls: { tiers: [{ up_to: null, unit_price_usd: '0.00002' }] } }
  expect(
    await told({
      is_public: true,
      sort_order: 7,
      prices: [{ interval: 'month', currency: 'usd', amount_cents: 1 }],
      overage,
    }),
  ).toBe(0)
  const same = {
    name: 'Gold',
    limits: { ...limits, meters: { queries: null, ...limits.meters } },
    features: { tier: 'x' },
  }
  expect(await told(same)).toBe(0)
  expect(await told({ name: 'Gold III' })).toBe(1)
  expect(await told({ limits: { meters: { api_calls: { limit: 1_001, at_limit: 'block' } } } })).toBe(1)
  expect(await told({ limits: { max_api_keys: 4 }, sort_order: 8 })).toBe(1)
  expect(await told({ features: { tier: null } })).toBe(1)
  expect(await told({ features: { tier: null } })).toBe(0)
})
