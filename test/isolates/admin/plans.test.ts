import { expect, test } from 'vitest'
import { invalidateOnPlan } from '../../../src/admin/plans/invalidate.ts'
import { organizationVersionKey } from '../../../src/limits/limit-request.ts'
import { directly, withoutRequestId } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser, setLimits } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { departures, openApi } from '../../support/openapi.ts'

const PLANS = '/api/v1/admin/plans'
const {
  sql,
  redis: { shared: redis },
} = directly()
const token = await administrator()

const limits = {
  rate_limit_per_minute: 30,
  max_api_keys: 3,
  meters: { api_calls: { limit: 1_000, at_limit: 'block' }, storage_gb: { limit: 0.5, at_limit: 'allow' } },
}
const price = { interval: 'month', currency: 'usd', amount_cents: 1_250 }
const plan = (id: string) => ({ id, name: 'Gold', prices: [price], limits, is_public: false })
const newId = () => `gold-${crypto.randomUUID().slice(0, 13)}`
const create = (body: unknown) => call(`POST ${PLANS}`, { token, body })
const change = (id: string, body: unknown) => call(`PATCH ${PLANS}/${id}`, { token, body })
const get = (id: string) => call(`GET ${PLANS}/${id}`, { token })
const remove = (id: string) => call(`DELETE ${PLANS}/${id}`, { token })
const acts = async (id: string) =>
  await sql.query(`select action, detail from audit_logs where target_type = 'plan' and target_id = $1 order by id`, [
    id,
  ])

async function newPlan(fields: object = {}): Promise<string> {
  const { status, body } = await create({ ...plan(newId()), ...fields })
  expect(status, JSON.stringify(body)).toBe(201)
  return body.id
}

async function holderOn(planId: string) {
  const holder = await newKeyHolder()
  await call(`PUT /api/v1/admin/organizations/${holder.organizationId}/plan`, { token, body: { plan: planId } })
  return holder
}

test('a plan is created, read, listed, changed and deleted, and each action leaves its audit row', async () => {
  const id = newId()
  const made = await create(plan(id))
  expect(made).toMatchObject({
    status: 201,
    body: { ...plan(id), features: {}, sort_order: 100, organization_count: 0, version: 1, addons: [] },
  })
  expect((await get(id)).body).toEqual(made.body)
  const list = (await call(`GET ${PLANS}`, { token })).body
  expect(list.next_cursor).toBeNull()
  expect(list.data.map((one: { id: string }) => one.id)).toEqual(expect.arrayContaining(['free', 'enterprise', id]))
  const orders = list.data.map((one: { sort_order: number }) => one.sort_order)
  expect(orders).toEqual(orders.toSorted((a: number, b: number) => a - b))

  const changed = await change(id, { name: 'Gold II', features: { tier: 'x', beta: true, depth: 2 } })
  expect(await change(id, { id: 'other' })).toMatchObject({ status: 400, body: { errors: [{ path: 'body.id' }] } })
  expect(changed).toMatchObject({
    status: 200,
    body: { id, name: 'Gold II', limits, features: { tier: 'x', beta: true } },
  })
  expect((await remove(id)).status).toBe(204)
  for (const gone of [await get(id), await remove(id), await change(id, {})])
    expect(gone).toMatchObject({ status: 404, body: { code: 'plan_not_found' } })
  expect(await acts(id)).toMatchObject([
    { action: 'admin.plan_created', detail: { name: 'Gold', limits } },
    { action: 'admin.plan_updated', detail: { changes: { name: 'Gold II' } } },
    { action: 'admin.plan_deleted', detail: { name: 'Gold II', limits } },
  ])
})

test('a change merges: absent fields stay, null removes a meter or a feature, a limit of null is no limit', async () => {
  const id = await newPlan({ features: { tier: 'x', depth: 1 } })
  const meters = {
    api_calls: { limit: null, at_limit: 'allow' },
    storage_gb: null,
    tokens: { limit: 5, at_limit: 'block' },
  }
  const { body } = await change(id, { limits: { meters, max_api_keys: 4 }, features: { tier: null, extra: false } })
  expect(body.limits).toEqual({
    rate_limit_per_minute: 30,
    max_api_keys: 4,
    meters: { api_calls: { limit: null, at_limit: 'allow' }, tokens: { limit: 5, at_limit: 'block' } },
  })
  expect(body.features).toEqual({ depth: 1, extra: false })
  await Promise.all([
    change(id, { limits: { rate_limit_per_minute: 31 } }),
    change(id, { limits: { meters: { queries: { limit: 1, at_limit: 'block' } } } }),
    change(id, { features: { more: 1 } }),
  ])
  const after = (await get(id)).body
  expect(after.limits).toMatchObject({ rate_limit_per_minute: 31, max_api_keys: 4, meters: { queries: { limit: 1 } } })
  expect(after.features).toEqual({ depth: 1, extra: false, more: 1 })
  expect((await change(id, {})).body.limits).toEqual(after.limits)
})

test('an id is created once, even by ten concurrent requests', async () => {
  const id = newId()
  const answers = await Promise.all(Array.from({ length: 10 }, () => create(plan(id))))
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
  for (const { status, body } of answers.filter((one) => one.status !== 201))
    expect([status, body.code]).toEqual([409, 'plan_exists'])
  expect(await acts(id)).toHaveLength(1)
})

test.each([
  ['id', 'a'],
  ['id', 'Gold'],
  ['id', '1gold'],
  ['id', 'gold plan'],
  ['id', `g${'o'.repeat(32)}`],
  ['name', ''],
  ['name', 'two\nlines'],
  ['is_public', 'true'],
  ['sort_order', -1],
  ['limits', undefined],
  ['limits.rate_limit_per_minute', 0],
  ['limits.rate_limit_per_minute', 1_000_001],
  ['limits.rate_limit_per_minute', undefined],
  ['limits.max_api_keys', -1],
  ['limits.meters.api_calls', 5],
  ['limits.meters.api_calls', { limit: 5 }],
  ['limits.meters.api_calls.limit', 1.5],
  ['limits.meters.api_calls.limit', -1],
  ['limits.meters.api_calls.limit', 1_000_000_000_001],
  ['limits.meters.api_calls.at_limit', 'deny'],
  ['limits.meters.storage_gb.limit', 0.0000001],
  ['limits.meters', { wishes: { limit: 1, at_limit: 'block' } }],
  ['features', { Upper: 1 }],
  ['features', { tier: null }],
  ['features', { tier: {} }],
  ['features', { tier: 'a\0b' }],
  ['features', Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`f${at}`, 1]))],
])('a plan with %s of %j is refused by name', async (path, value) => {
  const body: any = structuredClone({ ...plan(newId()), features: {} })
  const names = path.split('.')
  const holder = names.slice(0, -1).reduce((at, name) => at[name], body)
  holder[names.at(-1) ?? ''] = value
  const { status, body: problem } = await create(body)
  expect(status).toBe(400)
  expect(problem.errors[0].path).toContain(`body.${path}`)
})

test('a value at a bound is within it', async () => {
  const ids = [`a${newId().slice(-1)}`, `b${'0'.repeat(18)}-${newId().slice(-12)}`]
  for (const id of ids) await sql.query('delete from plans where id = $1', [id])
  const most = {
    api_calls: { limit: 1_000_000_000_000, at_limit: 'allow' },
    cost_usd: { limit: 0.000001, at_limit: 'block' },
  }
  const extreme = { rate_limit_per_minute: 1_000_000, max_api_keys: 0, meters: most }
  for (const id of ids)
    expect(await create({ ...plan(id), prices: [], limits: extreme })).toMatchObject({
      status: 201,
      body: { limits: { ...extreme, meters: { ...most, cost_usd: { limit: '0.000001', at_limit: 'block' } } } },
    })
  for (const id of ids) await remove(id)
})

test('a plan in use stays, and the response says how often it is used; so does the default plan', async () => {
  const id = await newPlan()
  const { organizationId } = await holderOn(id)
  expect(await remove(id)).toMatchObject({
    status: 409,
    body: { code: 'plan_in_use', detail: expect.stringContaining('1 organizations, 0 sub') },
  })
  expect((await get(id)).body.organization_count).toBe(1)
  await sql.query(
    `insert into subscriptions (id, organization_id, provider, provider_subscription_id, provider_customer_id, plan_id, pending_plan_id, status, ended_at)
      values ($1, $2, 'stripe', $3, 'cus', 'free', $4, 'canceled', now())`,
    [crypto.randomUUID(), organizationId, newId(), id],
  )
  await call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, { token, body: { plan: 'free' } })
  expect((await remove(id)).body.detail).toContain('0 organizations, 1 subscriptions')
  await sql.query('delete from subscriptions where organization_id = $1', [organizationId])
  expect((await remove(id)).status).toBe(204)
  expect(await remove('free')).toMatchObject({ status: 409, body: { code: 'plan_protected' } })
})

test('new limits of a plan apply to the next verification of another isolate, with any overrides', async () => {
  const id = await newPlan()
  const [holder, special] = [await holderOn(id), await holderOn(id)]
  await setLimits(special.organizationId, { rate_limit_per_minute: 77 })
  const isolate = await newIsolate()
  const rateOf = async ({ key }: { key: string }) => (await isolate.verify(key, { cost: 0 })).ratelimit?.limit
  expect([await rateOf(holder), await rateOf(special)]).toEqual([30, 77])

  expect(
    (
      await change(id, {
        limits: { rate_limit_per_minute: 31, meters: { api_calls: { limit: 0, at_limit: 'block' } } },
      })
    ).status,
  ).toBe(200)
  expect(await isolate.verify(holder.key)).toMatchObject({ code: 'QUOTA_EXCEEDED' })
  expect([await rateOf(holder), await rateOf(special)]).toEqual([31, 77])
  await change(id, { features: { tier: 'new' }, limits: { meters: { api_calls: null } } })
  expect(await isolate.verify(holder.key)).toMatchObject({ code: 'VALID', features: { tier: 'new' } })
})

test('a plan that is changed, deleted and assigned at once ends in a consistent state', async () => {
  const id = await newPlan()
  const holders = [await newUser(), await newUser(), await newUser()]
  const put = (planId: string, at: number) =>
    call(`PUT /api/v1/admin/organizations/${holders[at % 3]?.user.organization_id}/plan`, {
      token,
      body: { plan: planId },
    })
  const answers = await Promise.all(
    Array.from({ length: 12 }, async (_, at) => [
      (await put(at % 2 ? id : 'free', at)).status,
      (await change(id, { limits: { rate_limit_per_minute: 40 + at } })).status,
    ]),
  )
  expect(new Set(answers.flat())).toEqual(new Set([200]))
  for (const at of [0, 1, 2]) await put('free', at)
  const [removed, ...puts] = await Promise.all([remove(id), put(id, 0), put(id, 1)])
  expect(removed?.status).toBeOneOf([204, 409])
  for (const { status } of puts) expect(status).toBe(removed?.status === 204 ? 400 : 200)
})

test('a change of name or price reloads nothing in any isolate', async () => {
  const id = await newPlan()
  const { organizationId } = await holderOn(id)
  const version = async () =>
    (await sql.query('select version from organizations where id = $1', [organizationId]))[0]?.version
  const before = await version()
  await change(id, { name: 'Silver', prices: [{ ...price, amount_cents: 1 }], is_public: false })
  expect(await version()).toBe(before)
  await change(id, { features: {} })
  expect(await version()).toBe(before + 1)
})

test('organizations beyond one batch are invalidated after the response, and never to a lower version', async () => {
  const raised = Array.from({ length: 1_201 }, (_, at) => ({ id: crypto.randomUUID(), version: at + 2 }))
  const versionsOf = (some: typeof raised) =>
    redis.mget<(number | null)[]>(some.map(({ id }) => organizationVersionKey(id)))
  const deferred: Promise<unknown>[] = []
  const deps = { ...directly(), defer: (work: Promise<unknown>) => void deferred.push(work) }
  await redis.set(organizationVersionKey(raised[3]?.id ?? ''), 1_000, { ex: 60 })
  await invalidateOnPlan(deps, raised)
  expect(deferred).toHaveLength(1)
  await Promise.all(deferred)
  const wanted = raised.map(({ version }, at) => (at === 3 ? 1_000 : version))
  expect(await versionsOf(raised)).toEqual(wanted)
  expect(await redis.ttl(organizationVersionKey(raised.at(-1)?.id ?? ''))).toBeGreaterThan(30)

  await invalidateOnPlan(deps, raised.slice(0, 500))
  await invalidateOnPlan(deps, [])
  expect(deferred).toHaveLength(1)
})

test('the routes do not exist for anybody but administrators', async () => {
  const { token: stranger, key } = await newKeyHolder()
  const id = await newPlan()
  for (const line of [
    `GET ${PLANS}`,
    `POST ${PLANS}`,
    `GET ${PLANS}/${id}`,
    `PATCH ${PLANS}/${id}`,
    `DELETE ${PLANS}/${id}`,
  ]) {
    const body = line.startsWith('P') ? { body: plan(id) } : {}
    expect((await call(line, body)).status).toBe(401)
    expect((await call(line, { ...body, token: key })).status).toBe(403)
    const [mine, unknown] = [
      await call(line, { ...body, token: stranger }),
      await call(line.replace(id, 'none'), { ...body, token: stranger }),
    ]
    expect(mine.status).toBe(404)
    expect(withoutRequestId(mine.body)).toEqual(withoutRequestId(unknown.body))
  }
  expect((await get(id)).body.name).toBe('Gold')
  expect((await get('%00')).status).toBeOneOf([400, 404])
})

test('responses match the document exactly', async () => {
  const { document, operations } = await openApi()
  const { token: owner } = await newUser()
  const id = newId()
  const asked: [string, string, object?][] = [
    [`POST ${PLANS}`, token, { ...plan(id), features: { tier: 'x' } }],
    [`GET ${PLANS}`, token],
    [`GET ${PLANS}/{plan_id}`, token],
    [`PATCH ${PLANS}/{plan_id}`, token, { name: 'Silver' }],
    ['GET /api/v1/billing/plans', ''],
    ['GET /api/v1/usage/prices', owner],
  ]
  for (const [line, as, body] of asked) {
    const answer = await call(line.replace('{plan_id}', id), { ...(as && { token: as }), ...(body && { body }) })
    const schema = operations.find((one) => one.line === line)?.responses[answer.status]?.content?.['application/json']
      ?.schema
    expect(schema, `${line} ${answer.status}`).toBeDefined()
    expect(departures(answer.body, schema ?? {}, document), line).toEqual([])
  }
})
