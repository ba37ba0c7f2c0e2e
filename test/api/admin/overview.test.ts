import { expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, eventually, newKeyHolder, verify } from '../../support/http.ts'
import { departures, openApi } from '../../support/openapi.ts'
import { newCustomer, newPlan } from '../../support/platform-usage.ts'
import { countQueryRounds } from '../../support/query-rounds.ts'

const { sql } = directly()
const token = await administrator()
const read = async () => (await call('GET /api/v1/admin/overview', { token })).body

test('counts customers by plan, new and suspended ones, and keys that would verify', async () => {
  const plan = await newPlan()
  const [first] = [await newCustomer(plan, 'First'), await newCustomer(plan, 'Second')]
  await sql.query('update organizations set suspended_at = now() where id = $1', [first.id])
  const { customers, keys } = await read()
  expect(customers.by_plan).toContainEqual({ plan, total: 2, suspended: 1 })
  expect(customers.total).toBeGreaterThanOrEqual(2)
  expect(customers.suspended).toBeGreaterThanOrEqual(1)
  expect(customers.new_30_days).toBeGreaterThanOrEqual(2)
  const [row] = await sql.query(`select count(*)::int as platform from organizations where is_platform`)
  const sum = customers.by_plan.reduce((total: number, one: { total: number }) => total + one.total, 0)
  expect([customers.total, row?.platform]).toEqual([sum, 1])
  expect(keys.active).toBeGreaterThan(0)
})

test('counts verifications of today and this month by verdict code', async () => {
  const holder = await newKeyHolder({ allowed_ips: ['192.0.2.1'] })
  const before = await read()
  for (const ip of ['192.0.2.1', '192.0.2.1', '198.51.100.1']) await verify(holder.key, { ip })
  const mine = () =>
    sql.query(
      'select code, requests::int, day = current_date as today from usage_verdicts where organization_id = $1 order by 1',
      [holder.organizationId],
    )
  await eventually(mine, (rows) => rows.length === 2 && rows[1]?.requests === 2)
  expect(await mine()).toMatchObject([
    { code: 'FORBIDDEN_IP', requests: 1 },
    { code: 'VALID', requests: 2 },
  ])
  const after = await read()
  for (const span of ['today', 'month'] as const) {
    const [was, is] = [before.verifications[span], after.verifications[span]]
    expect(is.valid - (was.from === is.from ? was.valid : 0)).toBeGreaterThanOrEqual(2)
    expect(
      is.by_code.FORBIDDEN_IP - (was.from === is.from ? (was.by_code.FORBIDDEN_IP ?? 0) : 0),
    ).toBeGreaterThanOrEqual(1)
    expect(is.total).toBe(is.valid + is.refused)
  }
})

test('computes monthly revenue from paid subscriptions, trials apart, and shows open overage by state', async () => {
  const plan = await newPlan()
  const before = (await read()).revenue
  for (const status of ['active', 'active', 'past_due', 'trialing', 'canceled']) {
    const { id } = await newCustomer(plan, status)
    await sql.query(
      `insert into subscriptions (id, organization_id, provider, provider_subscription_id, provider_customer_id, plan_id, status, is_current)
       values (gen_random_uuid(), $1, 'stripe', gen_random_uuid(), gen_random_uuid(), $2, $3, true)`,
      [id, plan, status],
    )
  }
  await sql.query(
    `insert into billing_usage_ledger (identifier, organization_id, provider, provider_customer_id, event_name, meter, period_start, from_units, units, amount_micro_usd, state, occurred_at)
     values (gen_random_uuid(), gen_random_uuid(), 'stripe', 'cus', 'tokens', 'tokens', now(), 0, 5, 1234500, 'refused', now())`,
  )
  const { revenue } = await read()
  expect(revenue.subscriptions).toContainEqual({
    plan,
    currency: 'usd',
    per_month_cents: 5_700,
    active: 2,
    trialing: 1,
    past_due: 1,
  })
  const inDollars = revenue.subscriptions.filter((one: { currency: string }) => one.currency === 'usd')
  const paid = inDollars.reduce((sum: number, one: { per_month_cents: number }) => sum + one.per_month_cents, 0)
  expect(revenue.per_month_cents).toBe(paid)
  expect(revenue.overage.refused.rows).toBeGreaterThanOrEqual(1)
  expect(revenue.overage.refused.amount_usd).toMatch(/^\d+\.\d{6}$/)
  expect(before.overage).toHaveProperty('pending')
})

test('counts failed deliveries and emails by day and month, and shows what waits', async () => {
  const { id } = await newCustomer('free', 'Unreachable')
  const [endpoint] = await sql.query(
    `insert into webhook_endpoints (id, organization_id, url, secret) values (gen_random_uuid(), $1, 'https://hooks.example.com', '') returning id`,
    [id],
  )
  const insert = (age: string) =>
    sql.query(
      `insert into webhook_deliveries (id, organization_id, endpoint_id, event_id, type, payload, state, created_at)
       values (gen_random_uuid(), $1, $2, gen_random_uuid(), 'test', '{}', 'failed', now() - $3::interval)`,
      [id, endpoint?.id, age],
    )
  await Promise.all([insert('1 hour'), insert('2 days')])
  await sql.query(
    `insert into mail_outbox (id, recipient, subject, error) values (gen_random_uuid(), 'a@example.com', 'x', 'no')`,
  )
  const { webhooks, mails } = await read()
  expect(webhooks.failed_24_hours).toBeGreaterThanOrEqual(1)
  expect(webhooks.failed_30_days).toBeGreaterThan(webhooks.failed_24_hours)
  expect(mails.failed_24_hours).toBeGreaterThanOrEqual(1)
})

test('queries Postgres once besides authentication, and matches the document', async () => {
  const session = await countQueryRounds(() => call('GET /api/v1/auth/me', { token }))
  const { rounds, result } = await countQueryRounds(() => call('GET /api/v1/admin/overview', { token }))
  expect(result.status).toBe(200)
  expect(rounds).toBe(2)
  expect(session.rounds).toBeGreaterThan(0)
  const { document, operations } = await openApi()
  const schema = operations.find(({ line }) => line === 'GET /api/v1/admin/overview')?.responses[200]?.content?.[
    'application/json'
  ]?.schema
  expect(departures(result.body, schema ?? {}, document)).toEqual([])
  expect(result.body.usage.spool).toEqual({ batches: expect.any(Number), aside: expect.any(Number) })
})

test('without Redis the spool is unknown, and all else is known', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const real = globalThis.fetch
  const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    if (String(input instanceof Request ? input.url : input).includes('/redis'))
      return new Response('', { status: 500 })
    return real(input, init)
  })
  try {
    const { usage, customers } = await read()
    expect(usage.spool).toBeNull()
    expect(customers.total).toBeGreaterThan(0)
  } finally {
    spy.mockRestore()
  }
})
