import { describe, expect, test } from 'vitest'
import { raiseOrganizations } from '../../../src/admin/plans/queries.ts'
import { ormOver } from '../../../src/db/orm.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, eventually, newKeyHolder, newUser, verify } from '../../support/http.ts'
import { departures, openApi } from '../../support/openapi.ts'

const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const { sql } = directly()
const token = await administrator()

const list = (query: string) => call(`GET /api/v1/admin/organizations?${query}`, { token })
const setPlan = (organizationId: string, body: unknown) =>
  call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, { token, body })
const changesOf = (organizationId: string) =>
  sql.query(`select * from audit_logs where organization_id = $1 and action = 'admin.plan_changed' order by id`, [
    organizationId,
  ])

describe('PUT /api/v1/admin/organizations/{id}/plan', () => {
  test('a plan applies at the next verification, and the audit log keeps who changed it from what', async () => {
    const holder = await newKeyHolder()
    expect((await verify(holder.key)).body.plan).toBe('free')
    const answer = await setPlan(holder.organizationId, { plan: 'pro', reason: 'Agreed by mail' })
    expect(answer).toMatchObject({ status: 200, body: { id: holder.organizationId, plan: 'pro' } })
    await eventually(
      () => verify(holder.key),
      ({ body }) => body.plan === 'pro' && body.ratelimit.limit === 1_000,
      2_000,
    )
    expect((await call('GET /api/v1/auth/me', { token: holder.token })).body.subscription_tier).toBe('pro')
    expect(await changesOf(holder.organizationId)).toMatchObject([
      { actor_type: 'administrator', detail: { from: 'free', to: 'pro', reason: 'Agreed by mail' } },
    ])
  })

  test('ten concurrent changes to the same plan are one change', async () => {
    const { user } = await newUser()
    const before = await sql.query('select version from organizations where id = $1', [user.organization_id])
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => setPlan(user.organization_id, { plan: 'starter' })),
    )
    for (const { status, body } of answers) expect([status, body.plan]).toEqual([200, 'starter'])
    const after = await sql.query('select version from organizations where id = $1', [user.organization_id])
    expect(after[0]?.version).toBe(before[0]?.version + 1)
    expect(await changesOf(user.organization_id)).toHaveLength(1)
  })

  test('an unknown organization is 404, an unknown plan is 400 with the name of the field', async () => {
    const { user } = await newUser()
    expect((await setPlan(UNKNOWN, { plan: 'pro' })).body.code).toBe('organization_not_found')
    for (const plan of ['gold', '', 42, null, undefined, "pro'; --"]) {
      const { status, body } = await setPlan(user.organization_id, { plan })
      expect(status).toBe(400)
      expect(body.errors).toMatchObject([{ path: 'body.plan' }])
    }
    expect(await changesOf(user.organization_id)).toEqual([])
  })

  test('★ 15.3.3 with a plan nothing else can be set', async () => {
    const { user } = await newUser()
    const wishes = {
      is_platform: true,
      limit_overrides: { api_calls: 1 },
      name: 'x',
      suspended_at: '2026-01-01T00:00:00Z',
    }
    const refused = await setPlan(user.organization_id, { plan: 'pro', ...wishes })
    const paths = Object.keys(wishes).map((name) => ({ path: `body.${name}` }))
    expect(refused).toMatchObject({ status: 400, body: { errors: paths } })
    const { body } = await setPlan(user.organization_id, { plan: 'pro' })
    expect(body).toMatchObject({ is_platform: false, limit_overrides: {}, suspended_at: null })
    expect(body.name).not.toBe('x')
  })

  test('a plan change bumps the versions of those organizations alone that it announces, the most active first', async () => {
    const plan = `wide-${crypto.randomUUID().slice(0, 13)}`
    await sql.query(
      `insert into plans (id, name, limits, features, is_public)
     select $1::text, 'Wide', limits, features, false from plans where id = 'free'`,
      [plan],
    )
    const ids: string[] = []
    for (const seconds of [undefined, 60, 0]) {
      const id: string = (await newUser()).user.organization_id
      ids.unshift(id)
      await sql.query('update organizations set plan_id = $2, version = 7 where id = $1', [id, plan])
      if (seconds === undefined) continue
      await sql.query(
        `insert into usage_periods (organization_id, period_start, updated_at) values ($1, now(), now() - $2::int * interval '1 s')`,
        [id, seconds],
      )
    }
    const { rows } = await raiseOrganizations(ormOver(sql), plan, 2)
    expect(rows).toEqual(ids.slice(0, 2).map((id) => ({ id, version: 8 })))
    const [idle] = await sql.query('select version from organizations where id = $1', [ids[2]])
    expect(idle?.version).toBe(7)
  })
})

describe('GET /api/v1/admin/organizations', () => {
  test('a list by name continues after an organization that was deleted meanwhile, also one with a long name', async () => {
    const token = await administrator()
    const mark = crypto.randomUUID().slice(0, 8)
    const names = ['A', 'B', 'C'].map((letter) => `${mark} ${letter.repeat(20)} ${'名'.repeat(60)}`)
    for (const name of names) await call('POST /api/v1/admin/organizations', { token, body: { name } })
    const list = async (more: string) =>
      (await call(`GET /api/v1/admin/organizations?search=${mark}&sort=name&limit=2${more}`, { token })).body
    const { data, next_cursor } = await list('')
    expect(data.map(({ name }: { name: string }) => name)).toEqual(names.slice(0, 2))
    const path = `DELETE /api/v1/admin/organizations/${data[1].id}`
    expect((await call(path, { token })).status).toBe(204)
    expect((await list(`&cursor=${next_cursor}`)).data).toMatchObject([{ name: names[2] }])
    expect(await list(`&cursor=${btoa(data[0].id)}`)).toMatchObject({ errors: [{ path: 'query.cursor' }] })
  })

  test('organizations are listed page by page and found by a part of their name, and by plan', async () => {
    const own = crypto.randomUUID()
    const older = (await newUser({ organization: `${own} 50 % off` })).user.organization_id
    const id = (await newUser({ organization: `${own} 50%_off & Söhne` })).user.organization_id
    const found = async (query: string) =>
      (await list(`limit=100&${query}`)).body.data.map((one: { id: string }) => one.id) as string[]
    expect(await found(`search=${encodeURIComponent(`${own.slice(-12)} 50%_OFF`)}`)).toEqual([id])
    expect(await found(`search=${encodeURIComponent(`${own.slice(-12)} 50_%`)}`)).toEqual([])
    expect(await found(`plan=free&search=${own}`)).toEqual([id, older])
    expect(await found(`plan=pro&search=${own}`)).toEqual([])
    const first = (await list(`limit=1&search=${own}`)).body
    const second = (await list(`limit=1&search=${own}&cursor=${first.next_cursor}`)).body
    expect(first.data).toMatchObject([{ id, member_count: 1, is_platform: false }])
    expect(second.data).toMatchObject([{ id: older }])
  })
})

test('responses of the administration, the audit log and the export match the document exactly', async () => {
  const { document, operations } = await openApi()
  const name = crypto.randomUUID()
  const holder = await newKeyHolder({}, await newUser({ organization: name }))
  const { id } = holder.user
  const admin = '/api/v1/admin'
  const asked: [string, string, string, object?][] = [
    [`GET ${admin}/users`, '', token],
    [`GET ${admin}/users/{id}`, id, token],
    [`POST ${admin}/users/{id}/impersonate`, id, token, { reason: 'Ticket 1' }],
    // Only its own: concurrent tests give theirs limits of odd shapes.
    [`GET ${admin}/organizations`, `?search=${name}`, token],
    [`PUT ${admin}/organizations/{organization_id}/plan`, holder.organizationId, token, { plan: 'pro' }],
    [
      `PUT ${admin}/organizations/{organization_id}/suspension`,
      holder.organizationId,
      token,
      { suspended: true, reason: 'Abuse' },
    ],
    [`PUT ${admin}/organizations/{organization_id}/suspension`, holder.organizationId, token, { suspended: false }],
    [`GET ${admin}/audit-logs`, '', token],
    ['GET /api/v1/audit-logs', '', holder.token],
    ['GET /api/v1/auth/me/export', '', holder.token],
    [`POST ${admin}/users/{id}/disable`, id, token, { reason: 'Abuse' }],
    [`POST ${admin}/users/{id}/enable`, id, token, {}],
  ]
  for (const [line, named, as, body] of asked) {
    const answer = await call(line.replace(/\{(organization_)?id\}|$/, named), { token: as, ...(body && { body }) })
    const schema = operations.find((one) => one.line === line)?.responses[answer.status]?.content?.['application/json']
      ?.schema
    expect(schema, `${line} ${answer.status}`).toBeDefined()
    expect(departures(answer.body, schema ?? {}, document), line).toEqual([])
  }
})
