import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser, verify } from '../../support/http.ts'
import { subscribe } from '../../support/organizations.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const ORGANIZATIONS = '/api/v1/admin/organizations'
const BY_ID = `${ORGANIZATIONS}/by-external-id`
const { sql } = directly()

let key: Promise<string> | undefined

async function serviceWith(token: string, scopes: readonly string[]): Promise<string> {
  const { body } = await call('POST /api/v1/admin/service-keys', { token, body: { name: 'Back end', scopes } })
  return body.key
}

/** A service key that may do what a back end with customers needs. */
function service(): Promise<string> {
  key ??= administrator().then((token) =>
    serviceWith(token, ['platform:organizations:*', 'platform:keys:*', 'platform:usage:read']),
  )
  return key
}

const ask = async (line: string, body?: unknown) =>
  call(line, { token: await service(), ...(body !== undefined && { body }) })
const upsert = (externalId: string, body: object = {}) => ask(`PUT ${BY_ID}/${encodeURIComponent(externalId)}`, body)
const newId = () => `customer-${crypto.randomUUID()}`
const audited = async (id: string) =>
  (await sql.query('select action from audit_logs where organization_id = $1 order by id', [id])).map(
    (row) => row.action,
  )

describe(`PUT ${BY_ID}/{external_id}`, () => {
  test('creates the organization the first time and finds it from then on', async () => {
    const externalId = `kunde/${crypto.randomUUID()} ü%2F`
    const made = await upsert(externalId, { name: 'Acme', email: 'Billing@Acme.example', metadata: { crm: 7 } })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({
      external_id: externalId,
      name: 'Acme',
      email: 'billing@acme.example',
      metadata: { crm: 7 },
      plan: 'free',
      member_count: 0,
    })
    const found = await upsert(externalId)
    expect([found.status, found.body]).toEqual([200, made.body])
    expect((await ask(`GET ${BY_ID}/${encodeURIComponent(externalId)}`)).body).toEqual(made.body)
    expect((await ask(`GET ${ORGANIZATIONS}/${made.body.id}`)).body).toEqual(made.body)
    expect((await ask(`GET ${ORGANIZATIONS}/external_id:${encodeURIComponent(externalId)}`)).body).toEqual(made.body)
    expect(await audited(made.body.id)).toEqual(['organization.created'])
  })

  test('ten concurrent requests create one, and all ten get it', async () => {
    const externalId = newId()
    const answers = await Promise.all(Array.from({ length: 10 }, () => upsert(externalId, { name: 'Once' })))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([...Array(9).fill(200), 201])
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect(await audited(answers[0]?.body.id)).toEqual(['organization.created'])
  })

  test('changes what the body names and keeps the rest, in one step', async () => {
    const externalId = newId()
    const { body: made } = await upsert(externalId, { name: 'Before', metadata: { a: 1 } })
    const changed = await upsert(externalId, { plan: 'pro', limits: { api_calls: 5 }, email: 'a@b.example' })
    expect(changed.status).toBe(200)
    expect(changed.body).toEqual({
      ...made,
      plan: 'pro',
      limit_overrides: { api_calls: 5 },
      email: 'a@b.example',
    })
    const actions = [
      'organization.created',
      'admin.plan_changed',
      'organization.limits_changed',
      'organization.updated',
    ]
    expect(new Set(await audited(made.id))).toEqual(new Set(actions))
    await upsert(externalId, { plan: 'pro', limits: { api_calls: 5 } })
    expect(await audited(made.id)).toHaveLength(4)
    expect((await upsert(externalId, { limits: { api_calls: null }, email: null })).body).toMatchObject({
      limit_overrides: {},
      email: null,
    })
  })

  test('an unknown plan undoes everything, and the response names the field', async () => {
    const externalId = newId()
    const refused = await upsert(externalId, { name: 'Never', plan: 'nonsense' })
    expect([refused.status, refused.body.errors[0].path]).toEqual([400, 'body.plan'])
    expect((await ask(`GET ${BY_ID}/${externalId}`)).body.code).toBe('organization_not_found')
    const { body: made } = await upsert(externalId, { name: 'Stays' })
    expect((await upsert(externalId, { name: 'Other', plan: 'nonsense' })).status).toBe(400)
    expect((await ask(`GET ${BY_ID}/${externalId}`)).body).toEqual(made)
  })

  test('a name that is cut from a long external id is cut between characters', async () => {
    const { status, body } = await upsert(`${newId().padEnd(199, 'x')}😀`)
    expect([status, body.name.isWellFormed(), body.name.length <= 200]).toEqual([201, true, true])
  })

  test('external ids are opaque: case and spaces matter', async () => {
    const externalId = newId()
    const ids = [externalId, externalId.toUpperCase(), ` ${externalId}`].map(async (id) => (await upsert(id)).body.id)
    expect(new Set(await Promise.all(ids)).size).toBe(3)
  })

  test.each([
    [{ metadata: Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`k${at}`, 1])) }, 'body.metadata'],
    [{ metadata: { big: 'x'.repeat(4_001) } }, 'body.metadata'],
    [{ email: 'no address' }, 'body.email'],
    [{ name: '' }, 'body.name'],
    [{ limits: { api_calls: -1 } }, 'body.limits.api_calls'],
    [{ nmae: 'typo' }, 'body.nmae'],
  ])('%j is refused by name', async (body, path) => {
    const { status, body: problem } = await upsert(newId(), body)
    expect([status, problem.errors[0].path]).toEqual([400, path])
  })

  test('an external id of 256 characters is refused by name, one of 255 is accepted', async () => {
    const id = newId().padEnd(255, 'x')
    expect((await upsert(id)).status).toBe(201)
    const { status, body } = await upsert(`${id}x`)
    expect([status, body.errors[0].path]).toEqual([400, 'path.external_id'])
  })
})

describe(`POST ${ORGANIZATIONS}`, () => {
  test('a taken external id is a conflict, but a repeat with the same Idempotency-Key is not', async () => {
    const external_id = newId()
    const headers = { 'Idempotency-Key': crypto.randomUUID() }
    const create = async () =>
      call(`POST ${ORGANIZATIONS}`, { token: await service(), body: { name: 'New', external_id }, headers })
    const made = await create()
    expect(made.status).toBe(201)
    expect((await create()).body).toEqual(made.body)
    const other = await ask(`POST ${ORGANIZATIONS}`, { name: 'Other', external_id })
    expect([other.status, other.body.code, other.body.errors[0].path]).toEqual([
      409,
      'external_id_taken',
      'body.external_id',
    ])
    expect((await ask(`POST ${ORGANIZATIONS}`, { name: 'Without' })).body.external_id).toBeNull()
  })
})

describe(`PATCH ${ORGANIZATIONS}/{organization_id}`, () => {
  test('gives an existing organization its external id, unless another one took it meanwhile', async () => {
    const { organizationId, key: held } = await newKeyHolder()
    const [external_id, taken] = [newId(), newId()]
    await upsert(taken)
    const changed = await ask(`PATCH ${ORGANIZATIONS}/${organizationId}`, { external_id })
    expect([changed.status, changed.body.external_id]).toEqual([200, external_id])
    expect((await verify(held)).body).toMatchObject({ valid: true, external_id })
    const refused = await ask(`PATCH ${ORGANIZATIONS}/${organizationId}`, { external_id: taken, name: 'Half done' })
    expect([refused.status, refused.body.code]).toEqual([409, 'external_id_taken'])
    expect((await ask(`GET ${ORGANIZATIONS}/${organizationId}`)).body).toEqual(changed.body)
  })

  test('the platform organization is not a customer', async () => {
    const [platform] = await sql.query('select id from organizations where is_platform')
    const line = `${ORGANIZATIONS}/${platform?.id}`
    const token = await administrator()
    for (const [method, body] of [
      ['PATCH', { name: 'Taken over' }],
      ['DELETE', undefined],
    ] as const) {
      expect((await ask(`${method} ${line}`, body)).body.code).toBe('forbidden')
      const answer = await call(`${method} ${line}`, { token, ...(body && { body }) })
      expect(answer.body.code).toBe('platform_organization')
    }
    for (const [what, body] of [
      ['plan', { plan: 'free' }],
      ['quotas', { max_api_keys: 0 }],
      ['suspension', { suspended: true, reason: 'x' }],
    ] as const) {
      const token = await administrator().then((by) => serviceWith(by, ['platform:*']))
      expect((await call(`PUT ${line}/${what}`, { token, body })).body.code).toBe('forbidden')
    }
  })
})

describe(`DELETE ${ORGANIZATIONS}/{organization_id}`, () => {
  test('deletes an organization with its keys; one with a subscription stays', async () => {
    const externalId = newId()
    const { body: made } = await upsert(externalId)
    const issued = await ask('POST /api/v1/auth/api-keys', { name: 'Theirs', external_id: externalId })
    expect((await verify(issued.body.key)).body.valid).toBe(true)
    await subscribe(made.id, 'active')
    expect((await ask(`DELETE ${ORGANIZATIONS}/${made.id}`)).body.code).toBe('subscription_active')
    await sql.query('delete from subscriptions where organization_id = $1', [made.id])
    expect((await ask(`DELETE ${ORGANIZATIONS}/${made.id}`)).status).toBe(204)
    expect((await verify(issued.body.key)).body.code).toBe('NOT_FOUND')
    expect((await ask(`DELETE ${ORGANIZATIONS}/${made.id}`)).body.code).toBe('organization_not_found')
    expect((await upsert(externalId)).status).toBe(201)
  })
})

test('a timestamp that Postgres cannot hold is refused by name', async () => {
  const { status, body } = await ask(`GET ${ORGANIZATIONS}?created_from=9999-12-31T23:59:59-12:00`)
  expect([status, body.errors[0].path]).toEqual([400, 'query.created_from'])
})

describe(`GET ${ORGANIZATIONS}`, () => {
  const word = `w${crypto.randomUUID().slice(0, 8)}`
  const list = async (query: string) => {
    const { body } = await ask(`GET ${ORGANIZATIONS}?search=${word}&${query}`)
    return body.data.map(({ name }: { name: string }) => name.replace(`${word} `, ''))
  }
  const statuses = async () => {
    const { body } = await ask(`GET ${ORGANIZATIONS}?search=${word}`)
    const entries = body.data.map((one: { name: string; status: string }) => [
      one.name.replace(`${word} `, ''),
      one.status,
    ])
    return Object.fromEntries(entries)
  }
  const make = (name: string, body: object = {}) => upsert(newId(), { name: `${word} ${name}`, ...body })

  test('filters by state, usage and time, and sorts as requested', async () => {
    const [a, b, c] = [await make('a', { plan: 'pro' }), await make('b', { limits: { api_calls: 1 } }), await make('c')]
    expect(await list('')).toEqual(['c', 'b', 'a'])
    expect(await list('sort=name')).toEqual(['a', 'b', 'c'])
    expect(await list('sort=-name')).toEqual(['c', 'b', 'a'])
    expect(await list('plan=pro')).toEqual(['a'])
    await sql.query('update organizations set suspended_at = now() where id = $1', [c.body.id])
    await subscribe(a.body.id, 'past_due')
    expect(await list('status=suspended')).toEqual(['c'])
    expect(await list('status=past_due')).toEqual(['a'])
    expect(await list('status=active')).toEqual(['b'])
    expect(await statuses()).toEqual({ a: 'past_due', b: 'active', c: 'suspended' })
    await sql.query(`update subscriptions set status = 'unpaid' where organization_id = $1`, [a.body.id])
    expect(await list('status=past_due')).toEqual(['a'])
    await sql.query('update organizations set suspended_at = now() where id = $1', [a.body.id])
    expect(await statuses()).toEqual({ a: 'suspended', b: 'active', c: 'suspended' })
    expect(await list('status=past_due')).toEqual([])
    await sql.query(
      `insert into usage_periods (organization_id, period_start, api_calls) values ($1, usage_period_start(null, now()), 1)`,
      [b.body.id],
    )
    expect(await list('at_limit=true')).toEqual(['b'])
    expect(await list('at_limit=false')).toEqual(['c', 'a'])
    await sql.query(`insert into usage_totals (organization_id, hour) values ($1, date_trunc('hour', now()))`, [
      a.body.id,
    ])
    expect(await list('idle_days=1')).toEqual(['c', 'b'])
    expect(await list(`created_from=${b.body.created_at}&sort=created_at`)).toEqual(['b', 'c'])
    expect(await list(`created_to=${b.body.created_at}`)).toEqual(['a'])
  })

  test('pages of a list sorted by name contain each one once', async () => {
    for (const name of ['x', 'x', 'y', 'z']) await make(name)
    const names: string[] = []
    let cursor = ''
    do {
      const { body } = await ask(`GET ${ORGANIZATIONS}?search=${word}&sort=name&limit=2${cursor}`)
      names.push(...body.data.map(({ name }: { name: string }) => name.replace(`${word} `, '')))
      cursor = body.next_cursor ? `&cursor=${body.next_cursor}` : ''
    } while (cursor)
    expect(names.filter((name) => 'xyz'.includes(name))).toEqual(['x', 'x', 'y', 'z'])
    expect(names).toEqual(names.toSorted())
  })
})

test('a member can neither set what belongs to the operator nor see other customers', async () => {
  const { token } = await newUser()
  for (const line of [`GET ${ORGANIZATIONS}`, `PUT ${BY_ID}/mine`, `POST ${ORGANIZATIONS}`])
    expect((await call(line, { token, ...(line.startsWith('GET') ? {} : { body: { name: 'x' } }) })).body.code).toBe(
      'not_found',
    )
})
