import { expect, test, vi } from 'vitest'
import { newPricedHolder, readCharges } from '../../../support/call-prices.ts'
import { listLedger } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { call, eventually, newKeyHolder, verify } from '../../../support/http.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const OUT = { valid: false, code: 'CREDITS_EXHAUSTED', status: 402, refused_by: 'credits', retry_after: null }
const SPAN = `from=${new Date(Date.now() - 3_600_000).toISOString()}`

const written = (organizationId: string, calls: number) =>
  eventually(
    () => readCharges(organizationId),
    (row) => row.calls === calls,
  )

test('each call is charged: in its event, the statistics, the quotas, the balance and the ledger', async () => {
  const { key, keyId, organizationId, token, credits, created, admin } = await newPricedHolder('0.000000003', '1.00')
  expect(created).toMatchObject({ price_per_call_usd: '0.000000003' })
  expect((await verify(key, { cost: 5 })).body).toMatchObject({
    valid: true,
    quotas: { cost_usd: { limit: null, used: '0.000000015' } },
  })
  expect((await verify(key)).body.valid).toBe(true)
  expect((await verify(key, { cost: 0 })).body.valid).toBe(true)
  expect(await written(organizationId, 6)).toEqual({
    charged: '0.000000018',
    by_verifications: '0.000000018',
    calls: 6,
  })
  const listEvents = () =>
    sql.query(
      `select trim_scale(charge_usd)::text as charge, trim_scale(price_per_call_usd)::text as price, cost_usd from usage_events
     where organization_id = $1 and key_id = $2 order by api_calls desc`,
      [organizationId, keyId],
    )
  const rows = await eventually(listEvents, ({ length }) => length === 3) // the one that consumed nothing may be written last
  expect(rows).toEqual([
    { charge: '0.000000015', price: '0.000000003', cost_usd: null },
    { charge: '0.000000003', price: '0.000000003', cost_usd: null },
    { charge: null, price: null, cost_usd: null },
  ])
  expect(await credits()).toMatchObject({ balance: '0.999999982', owed: '0.000000' })
  expect(await listLedger(organizationId)).toEqual(['grant 1', 'burn -0.000000018'])
  const { body: summary } = await call(`GET /api/v1/usage/summary?${SPAN}`, { token })
  expect(summary.totals).toMatchObject({ api_calls: 6, cost_usd: '0.000000018' })
  const { body: events } = await call(`GET /api/v1/usage/events?${SPAN}`, { token })
  expect(events.data.map(({ cost_usd }: { cost_usd: string }) => cost_usd)).toContain('0.000000015')
  expect((await call('GET /api/v1/quotas', { token })).body.meters.cost_usd).toMatchObject({ used: '0.000000018' })
  const { body: plan } = await call(`GET /api/v1/billing/plans`, { token: admin })
  expect(plan.data.every((one: object) => 'price_per_call_usd' in one)).toBe(true)
  const { body: billing } = await call('GET /api/v1/auth/billing/info', { token })
  expect(billing.plan.price_per_call_usd).toBe('0.000000003')
})

test('a plan with free calls says so in the billing information', async () => {
  const { token } = await newKeyHolder()
  expect((await call('GET /api/v1/auth/billing/info', { token })).body.plan.price_per_call_usd).toBeNull()
})

test('of 200 concurrent verifications and reservations against a balance for 100 calls, exactly 100 are admitted', async () => {
  const { key, keyId: key_id, token, organizationId, credits } = await newPricedHolder('0.01', '1.00')
  const reserve = (body: object) => call('POST /api/v1/usage/reserve', { token, body: { key_id, ...body } })
  const ask = () => verify(key)
  const asks = [ask, () => reserve({ api_calls: 1 }), () => verify(key), () => reserve({ cost_usd: '0.01' })]
  const answers = await Promise.all(Array.from({ length: 200 }, (_, at) => (asks[at % asks.length] ?? ask)()))
  const passed = answers.filter((answer) => answer?.body.valid || answer?.body.granted)
  expect(passed).toHaveLength(100)
  const refused = answers.filter((answer) => answer?.body.code === 'CREDITS_EXHAUSTED')
  expect(refused).toHaveLength(100)
  const verified = passed.filter((answer) => answer?.body.valid).length
  await written(organizationId, verified)
  const left = ((100 - verified) / 100).toFixed(6)
  expect(await credits()).toMatchObject({ balance: left, held: left })
  const { retry_after: _, ...refusal } = OUT // held amounts return when the reservations expire, if that is known here
  expect((await verify(key)).body).toMatchObject(refusal)
})

test('a reservation holds its estimate until settling charges the actual use, without a gap or an overdraft', async () => {
  const { key, keyId: key_id, token, organizationId } = await newPricedHolder('0.01', '1.00')
  for (let at = 0; at < 40; at++) await verify(key)
  const holds = await Promise.all(
    Array.from({ length: 60 }, () => call('POST /api/v1/usage/reserve', { token, body: { key_id, api_calls: 1 } })),
  )
  expect(holds.filter(({ body }) => body.granted)).toHaveLength(60)
  const answers = await Promise.all([
    ...holds.map(({ body: { reservation_id } }) =>
      call('POST /api/v1/usage/settle', { token, body: { reservation_id, api_calls: 1 } }),
    ),
    ...Array.from({ length: 60 }, () => verify(key)),
  ])
  expect(answers.filter(({ body }) => body.outcome === 'settled')).toHaveLength(60)
  expect(answers.filter(({ body }) => body.valid)).toHaveLength(0)
  expect(await written(organizationId, 100)).toEqual({ charged: '1', by_verifications: '0.4', calls: 100 })
  expect((await verify(key)).body).toMatchObject(OUT)
})

test('a call that costs more than the balance is refused, a smaller one is not', async () => {
  const { key } = await newPricedHolder('0.30', '1.00')
  expect((await verify(key, { cost: 4 })).body).toMatchObject(OUT)
  expect((await verify(key, { cost: 3 })).body.valid).toBe(true)
  expect((await verify(key)).body).toMatchObject(OUT)
})

test('a repeat with its idempotency key is charged once', async () => {
  const { key, organizationId } = await newPricedHolder('0.01', '1.00')
  const idempotency_key = crypto.randomUUID()
  for (let at = 0; at < 3; at++) await verify(key, { idempotency_key })
  await verify(key)
  expect(await written(organizationId, 2)).toMatchObject({ charged: '0.02' })
  expect((await verify(key, { cost: 98 })).body.valid).toBe(true)
  expect((await verify(key)).body).toMatchObject(OUT)
})

test('reported calls are charged with the cost of models, and corrections follow', async () => {
  const { keyId: key_id, token, organizationId, admin, key, credits } = await newPricedHolder('0.01', '1.00')
  const id = crypto.randomUUID()
  const event = { id, key_id, api_calls: 30, model: 'mine', cost_usd: '0.5' }
  const report = () => call('POST /api/v1/usage', { token, body: { events: [event] } })
  expect((await report()).body).toMatchObject({ accepted: 1 })
  expect((await report()).body).toMatchObject({ accepted: 0, duplicates: 1 })
  expect(await credits()).toMatchObject({ balance: '0.200000' })
  expect((await verify(key, { cost: 21 })).body).toMatchObject(OUT)
  const correct = (body: object) =>
    call('POST /api/v1/usage/corrections', {
      token: admin,
      body: { organization_id: organizationId, event_id: id, reason: 'A test', ...body },
    })
  expect((await correct({ api_calls: 10 })).body.event).toMatchObject({ charge_usd: '0.600000' })
  expect(await credits()).toMatchObject({ balance: '0.400000' })
  expect((await verify(key, { cost: 40 })).body.valid).toBe(true)
  expect((await verify(key)).body).toMatchObject(OUT)
  expect((await correct({ void: true })).status).toBe(200)
  await written(organizationId, 40)
  expect(await credits()).toMatchObject({ balance: '0.600000' })
  expect((await verify(key, { cost: 60 })).body.valid).toBe(true)
  expect((await verify(key)).body).toMatchObject(OUT)
})

test("calls without a price still have none after being voided and restored, whatever the plan's price is by then", async () => {
  const { keyId: key_id, token, organizationId, admin, changePlan } = await newPricedHolder(null)
  const id = crypto.randomUUID()
  await call('POST /api/v1/usage', { token, body: { events: [{ id, key_id, api_calls: 30 }] } })
  expect((await changePlan({ price_per_call_usd: '0.03' })).status).toBe(200)
  const correct = (body: object) =>
    call('POST /api/v1/usage/corrections', {
      token: admin,
      body: { organization_id: organizationId, event_id: id, reason: 'A test', ...body },
    })
  expect((await correct({ void: true })).status).toBe(200)
  expect((await correct({ api_calls: 20 })).body.event).toMatchObject({ api_calls: 20, charge_usd: null })
  expect(await written(organizationId, 20)).toMatchObject({ charged: '0' })
})

test('a request keeps its charge when a report completes it', async () => {
  const { key, keyId: key_id, token, organizationId } = await newPricedHolder('0.01')
  const { body: verdict } = await verify(key)
  await written(organizationId, 1)
  const event = { id: crypto.randomUUID(), key_id, request_id: verdict.request_id, model: 'mine', cost_usd: '0.5' }
  await call('POST /api/v1/usage', { token, body: { events: [event] } })
  const { body } = await call(`GET /api/v1/usage/breakdown?by=model&${SPAN}`, { token })
  expect(body.data).toMatchObject([{ value: 'mine', cost_usd: '0.510000' }])
})

test('a spend cap and a quota of charges count calls as well', async () => {
  const { key, token } = await newPricedHolder('0.01')
  await call('PUT /api/v1/billing/spend-cap', { token, body: { cost_usd: '0.10', action: 'block' } })
  const answers = await Promise.all(Array.from({ length: 30 }, () => verify(key)))
  expect(answers.filter(({ body }) => body.valid)).toHaveLength(10)
  expect(answers.find(({ body }) => !body.valid)?.body).toMatchObject({
    code: 'QUOTA_EXCEEDED',
    refused_by: 'spend_cap',
  })
})

test("a key's limit on charges counts calls as well", async () => {
  const { key, keyId, token } = await newPricedHolder('0.01')
  const limits = [{ name: 'money', meter: 'cost_usd', limit: '0.05', period: 'day' }]
  expect((await call(`PATCH /api/v1/auth/api-keys/${keyId}`, { token, body: { limits } })).status).toBe(200)
  const answers = await Promise.all(Array.from({ length: 12 }, () => verify(key)))
  expect(answers.filter(({ body }) => body.valid)).toHaveLength(5)
  expect(answers.find(({ body }) => !body.valid)?.body).toMatchObject({ refused_by: 'money' })
})

test('a new price applies from the next verification on, and calls keep the price at which they were admitted', async () => {
  const { key, organizationId, changePlan } = await newPricedHolder('0.01', '1.00')
  await verify(key, { cost: 10 })
  expect((await changePlan({ price_per_call_usd: '0.03' })).body).toMatchObject({ price_per_call_usd: '0.030000' })
  await verify(key, { cost: 10 })
  expect((await changePlan({ price_per_call_usd: null })).body).toMatchObject({ price_per_call_usd: null })
  await verify(key, { cost: 10 })
  expect(await written(organizationId, 30)).toMatchObject({ charged: '0.4' })
})
