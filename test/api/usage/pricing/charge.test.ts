import { exports } from 'cloudflare:workers'
import { expect, inject, test } from 'vitest'
import { checkUsageAlerts } from '../../../../src/usage/alerts/job.ts'
import { newServiceKey } from '../../../support/customers.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call, newKeyHolder, setLimits } from '../../../support/http.ts'
import { fold } from '../../../support/platform-usage.ts'
import { newReceiver } from '../../../support/webhooks.ts'

const { service_key } = inject('credentials')
const service = { token: service_key }

/** A customer of a plan with a markup. */
async function customerWith(markup_percent: number) {
  const holder = await newKeyHolder()
  const token = await administrator()
  const plan = `dear-${crypto.randomUUID().slice(0, 8)}`
  const limits = {
    rate_limit_per_minute: 600,
    max_api_keys: 5,
    meters: { cost_usd: { limit: '1', at_limit: 'block' } },
  }
  const body = { id: plan, name: 'Dear', prices: [], is_public: true, limits, markup_percent }
  const created = await call('POST /api/v1/admin/plans', { token, body })
  expect(created).toMatchObject({ status: 201, body: { markup_percent } })
  const change = `PUT /api/v1/admin/organizations/${holder.organizationId}/plan`
  expect((await call(change, { token, body: { plan } })).status).toBe(200)
  return { ...holder, plan, admin: token }
}

const report = (events: readonly object[]) =>
  call('POST /api/v1/usage?durability=sync', { ...service, body: { events } })

const SPAN = `from=${new Date(Date.now() - 3_600_000).toISOString()}`

test('a customer pays the cost with the markup of the plan, rounded once, and the event keeps both', async () => {
  const { keyId, organizationId } = await customerWith(12.5)
  const costs = ['1', '0.000000001', '0.000000004', '0.0000000004', '0.0000000005']
  await report(costs.map((cost_usd, at) => ({ id: `e${at}`, key_id: keyId, model: 'mine', cost_usd })))
  const rows = await directly().sql.query(
    `select id, cost_usd::text as cost, charge_usd::text as charge, markup_percent::text as markup from usage_events
     where organization_id = $1 order by id`,
    [organizationId],
  )
  expect(rows.map(({ cost, charge }) => [cost, charge])).toEqual([
    ['1.000000000', '1.125000000'],
    ['0.000000001', '0.000000001'],
    ['0.000000004', '0.000000005'], // 4.5 nano-dollars
    ['0.000000000', '0.000000000'], // 0.45
    ['0.000000001', '0.000000001'], // 0.5625
  ])
  expect(rows.map(({ markup }) => markup)).toEqual(costs.map(() => '12.5000'))
})

test('tokens are charged from their exact price, not from the rounded cost', async () => {
  const { keyId, token } = await customerWith(100)
  const event = { key_id: keyId, provider: 'openai', model: 'text-embedding-3-small', input_tokens: 20 }
  await report(Array.from({ length: 1_000 }, () => event))
  const { body } = await call(`GET /api/v1/usage/summary?${SPAN}`, { token })
  expect(body.totals).toMatchObject({ cost_usd: '0.000800' })
})

test("no response to a customer reveals the provider's cost, and every response to the operator has both", async () => {
  const customer = await customerWith(25)
  const { token, key, keyId, organizationId, admin, plan } = customer
  const receiver = await newReceiver(token)
  const reader = (await newServiceKey('platform:usage:read')).key
  await report([{ id: 'one', key_id: keyId, model: 'gpt-4o', cost_usd: '0.77' }])
  await checkUsageAlerts(directly(), Date.now())
  const get = async (path: string, as: string) =>
    JSON.stringify((await call(`GET /api/v1/${path}`, { token: as })).body)
  const month = new Date().toISOString().slice(0, 7)
  const asked = [
    `usage/summary?${SPAN}`,
    `usage/timeseries?interval=hour&${SPAN}`,
    `usage/breakdown?by=model&order=cost_usd&${SPAN}`,
    `auth/usage/stats?period=${month}`,
    'usage/events',
    `usage/export?what=events&${SPAN}`,
    `usage/export?what=daily&${SPAN}`,
  ]
  const others = [
    'usage/forecast',
    'usage/alerts',
    'quotas',
    'auth/billing/info',
    'billing/plans',
    'auth/me/export',
    `webhook-endpoints/${receiver.id}/deliveries`,
    'audit-logs',
  ]
  const told = await directly().sql.query('select payload from webhook_deliveries where endpoint_id = $1', [
    receiver.id,
  ])
  const verdict = await call('POST /api/v1/keys/verify', { ...service, body: { key } })
  for (const path of asked) {
    const [mine, byKey] = [await get(path, token), await get(path, key)]
    expect(mine, path).toContain('0.962500')
    for (const answer of [mine, byKey]) expect.soft(answer, path).not.toMatch(/"?\b0\.77(0000)?\b|markup/)
    const named = `${path}${path.includes('?') ? '&' : '?'}organization_id=${organizationId}`
    for (const operator of [reader, admin]) {
      const answer = await get(named, operator)
      expect.soft(answer, path).toContain('0.770000')
      expect.soft(answer, path).toContain('0.962500')
    }
  }
  for (const answer of [
    ...(await Promise.all(others.map((path) => get(path, token)))),
    JSON.stringify([told, verdict.body]),
  ])
    expect.soft(answer).not.toMatch(/"?\b0\.77(0000)?\b|markup/)
  expect(told.map(({ payload }) => payload.data)).toContainEqual(
    expect.objectContaining({ meter: 'cost_usd', used: '0.962500' }),
  )
  expect(verdict.body.quotas.cost_usd).toMatchObject({ limit: '1.000000', used: '0.962500', remaining: '0.037500' })
  for (const path of [`admin/usage/summary?${SPAN}&plan=${plan}`, `admin/usage/breakdown?by=plan&limit=100&${SPAN}`]) {
    const answer = await get(path, admin)
    expect.soft(answer, path).toContain('"charge_usd":"0.962500"')
    expect.soft(answer, path).toContain('"cost_usd":"0.770000"')
  }
  expect(await exports.Tollgate.getUsage({ organization_id: organizationId })).toMatchObject({
    totals: { cost_usd: '0.770000', charge_usd: '0.962500' },
  })
})

test('a reservation holds and settles what the customer pays', async () => {
  const { keyId, token } = await customerWith(50)
  const reserve = (cost_usd: string) =>
    call('POST /api/v1/usage/reserve', { ...service, body: { key_id: keyId, cost_usd } })
  const refused = await reserve('0.67')
  expect(refused.body).toMatchObject({ granted: false, exceeded: { meter: 'cost_usd', requested: '1.005000' } })
  const { body } = await reserve('0.4')
  expect(body).toMatchObject({ granted: true, held: { cost_usd: '0.600000' } })
  const settled = { reservation_id: body.reservation_id, cost_usd: '0.2' }
  expect((await call('POST /api/v1/usage/settle', { ...service, body: settled })).body.outcome).toBe('settled')
  const quotas = await call('GET /api/v1/quotas', { token })
  expect(quotas.body.meters.cost_usd).toMatchObject({ used: '0.300000', held: '0.000000', remaining: '0.700000' })
})

test('a new markup applies to usage from then on, within seconds', async () => {
  const { keyId, plan, admin, token, organizationId } = await customerWith(10)
  await report([{ key_id: keyId, cost_usd: '0.1' }])
  await call(`PATCH /api/v1/admin/plans/${plan}`, { token: admin, body: { markup_percent: 20 } })
  await report([{ key_id: keyId, cost_usd: '0.1' }])
  const held = await call('POST /api/v1/usage/reserve', { ...service, body: { key_id: keyId, cost_usd: '0.1' } })
  expect(held.body.held).toEqual({ cost_usd: '0.120000' })
  expect((await call('GET /api/v1/quotas', { token })).body.meters.cost_usd.used).toBe('0.230000')
  await setLimits(organizationId, { cost_usd: '0.35' })
  const beyond = await call('POST /api/v1/usage/reserve', {
    ...service,
    body: { key_id: keyId, cost_usd: '0.000000001' },
  })
  expect(beyond.body).toMatchObject({ granted: false, exceeded: { requested: '0.000000002' } })
})

test.each([-1, 10_000.5, 0.00001, '20', null])('a markup of %j is refused by name', async (markup_percent) => {
  const token = await administrator()
  const answer = await call('PATCH /api/v1/admin/plans/free', { token, body: { markup_percent } })
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'body.markup_percent' }] } })
})

test('sums of all organizations contain both, once their hour is rolled up', async () => {
  const { keyId } = await customerWith(30)
  const model = `model-${crypto.randomUUID()}`
  const timestamp = new Date(Date.now() - 3 * 3_600_000).toISOString()
  await report([{ key_id: keyId, model, cost_usd: '0.01', timestamp }])
  const look = `select cost_usd::text as cost, charge_usd::text as charge from usage_platform_hours where dimension = 'model' and value = $1`
  await fold(`${timestamp.slice(0, 13)}:00:00.000Z`)
  expect(await directly().sql.query(look, [model])).toEqual([{ cost: '0.010000000', charge: '0.013000000' }])
})

test("a key's limit in dollars counts what the customer pays", async () => {
  const { keyId, token, organizationId } = await customerWith(100)
  const limits = [{ name: 'budget', meter: 'cost_usd', limit: '0.5', period: 'month' }]
  const changed = await call(`PATCH /api/v1/auth/api-keys/${keyId}`, { token, body: { limits } })
  expect(changed.status, organizationId).toBe(200)
  await report([{ key_id: keyId, cost_usd: '0.1' }])
  const reserve = (cost_usd: string) =>
    call('POST /api/v1/usage/reserve', { ...service, body: { key_id: keyId, cost_usd } })
  const held = await reserve('0.05')
  expect(held.body).toMatchObject({ granted: true, held: { cost_usd: '0.100000' } })
  const settled = { reservation_id: held.body.reservation_id, cost_usd: '0.12' }
  await call('POST /api/v1/usage/settle', { ...service, body: settled })
  expect((await reserve('0.0300000005')).body).toMatchObject({ granted: false, refused_by: 'budget' })
  expect((await reserve('0.03')).body).toMatchObject({ granted: true })
})
