import { describe, expect, inject, test } from 'vitest'
import { directly, withoutRequestId } from '../../support/direct.ts'
import { administrator, call, newUser, setLimits, verify } from '../../support/http.ts'

const KEYS = '/api/v1/auth/api-keys'
const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const owner = await newUser()
await setLimits(owner.user.organization_id, { max_api_keys: 1_000 })

const issue = async (fields: Record<string, unknown> = {}, token = owner.token) =>
  (await call(`POST ${KEYS}`, { token, body: { name: 'Key of a test', ...fields } })).body
const change = (id: string, body: unknown, token = owner.token) => call(`PATCH ${KEYS}/${id}`, { token, body })
const read = async (id: string, token = owner.token) => (await call(`GET ${KEYS}/${id}`, { token })).body
const secondsAhead = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString()

/** Makes a key expire without waiting for it. */
const expire = (id: string) =>
  directly().sql.query("update api_keys set expires_at = now() - interval '1 second' where id = $1", [id])
const auditOf = async (id: string) =>
  directly().sql.query('select action, detail, actor_id from audit_logs where target_id = $1 order by id', [id])

describe('PATCH /api/v1/auth/api-keys/{id}', () => {
  test('what stays as it is needs no right: a granted rate limit survives a change beside it, and none is granted', async () => {
    const { id } = await issue()
    const operator = await administrator()
    const byOperator = (of: string, body: object) =>
      call(`PATCH ${KEYS}/${of}?organization_id=${owner.user.organization_id}`, { token: operator, body })
    await byOperator(id, { custom_rate_limit: 654_321 })
    const isGranted = async () =>
      (await directly().sql.query('select is_rate_limit_granted from api_keys where id = $1', [id]))[0]
        ?.is_rate_limit_granted
    const same = { custom_rate_limit: 654_321 }
    expect(await change(id, { ...same, name: 'Renamed' })).toMatchObject({ status: 200, body: { name: 'Renamed' } })
    expect(await isGranted()).toBe(true)
    expect((await change(id, { custom_rate_limit: 654_322 })).body).toMatchObject({ code: 'rate_limit_above_plan' })

    const own = await issue({ custom_rate_limit: 7 })
    await byOperator(own.id, { custom_rate_limit: 7, name: 'By an operator' })
    expect(
      await directly().sql.query('select is_rate_limit_granted, name from api_keys where id = $1', [own.id]),
    ).toEqual([{ is_rate_limit_granted: false, name: 'By an operator' }])
    await directly().sql.query(
      'update api_keys set custom_rate_limit = 654321, is_rate_limit_granted = false where id = $1',
      [id],
    )
    await byOperator(id, same)
    expect(await isGranted(), 'a limit from before a downgrade').toBe(true)
  })

  test('sets the named fields, keeps the rest, clears with null, and logs the old values', async () => {
    const before = await issue({
      description: 'Old',
      scopes: ['a:b'],
      allowed_ips: ['192.0.2.1'],
      metadata: { team: 1 },
    })
    const fields = {
      name: 'New',
      scopes: ['reports:*'],
      expires_at: '2099-01-01T00:00:00.000Z',
      custom_rate_limit: 7,
      limits: [{ name: 'exports', limit: 3, window_seconds: 3_600, cost: 1 }],
      allowed_ips: null,
      metadata: { tier: [1] },
    }
    const { status, body } = await change(before.id, fields)
    expect(status).toBe(200)
    const { key: _, ...same } = before
    expect(body).toEqual({ ...same, ...fields })
    expect(await read(before.id)).toEqual(body)
    expect((await verify(before.key, { scopes: ['reports:read'] })).body).toMatchObject({
      code: 'VALID',
      name: 'New',
      ratelimit: { limit: 7 },
      metadata: { tier: [1] },
    })
    expect(
      (await change(before.id, { description: null, expires_at: null, custom_rate_limit: null })).body,
    ).toMatchObject({ name: 'New', description: null, expires_at: null, custom_rate_limit: null })
    const [, first] = await auditOf(before.id)
    expect(first).toMatchObject({ action: 'key.updated', actor_id: owner.user.id })
    expect(first?.detail).toEqual({
      changed: ['name', 'scopes', 'expires_at', 'custom_rate_limit', 'limits', 'allowed_ips', 'metadata'],
      before: {
        name: 'Key of a test',
        scopes: ['a:b'],
        expires_at: null,
        custom_rate_limit: null,
        limits: [],
        allowed_ips: ['192.0.2.1'],
      },
      after: {
        name: 'New',
        scopes: ['reports:*'],
        expires_at: fields.expires_at,
        custom_rate_limit: 7,
        limits: fields.limits,
        allowed_ips: null,
      },
    })
  })

  test('with unchanged values, or with none, changes nothing and leaves no audit row', async () => {
    const metadata = { z: 1, aa: { y: [], b: 2 } }
    const limits = [{ name: 'exports', limit: 3, window_seconds: 60, cost: 1 }]
    const { id, name } = await issue({ metadata, limits })
    const same = {
      metadata: { aa: { b: 2, y: [] }, z: 1 },
      limits: [{ cost: 1, window_seconds: 60, limit: 3, name: 'exports' }],
    }
    for (const body of [{}, { name, is_active: true, expires_at: null, scopes: [], ...same }])
      expect((await change(id, body)).status).toBe(200)
    expect(await auditOf(id)).toHaveLength(1)
    expect(await directly().sql.query('select version from api_keys where id = $1', [id])).toEqual([{ version: 1 }])
  })

  test('eight times at once loses none of their fields', async () => {
    const { id } = await issue()
    const changes: Record<string, unknown>[] = [
      { name: 'A' },
      { description: 'B' },
      { scopes: ['c'] },
      { expires_at: '2099-01-01T00:00:00.000Z' },
      { custom_rate_limit: 5 },
      { allowed_ips: ['192.0.2.6'] },
      { metadata: { g: 1 } },
      { is_active: false },
    ]
    const answers = await Promise.all(changes.map((one) => change(id, one)))
    expect(answers.map(({ status }) => status)).toEqual(changes.map(() => 200))
    expect(await read(id)).toMatchObject(Object.assign({}, ...changes))
    expect(await auditOf(id)).toHaveLength(9)
  })

  test('disables it and enables it again', async () => {
    const { id, key } = await issue()
    expect((await change(id, { is_active: false })).body.is_active).toBe(false)
    expect((await verify(key)).body.code).toBe('DISABLED')
    await change(id, { is_active: true })
    expect(await directly().sql.query('select version from api_keys where id = $1', [id])).toEqual([{ version: 3 }])
  })

  test.each<[string, unknown]>([
    ['name', null],
    ['name', ''],
    ['scopes', null],
    ['scopes.0', ['white space']],
    ['expires_at', '2020-01-01T00:00:00Z'],
    ['custom_rate_limit', 0],
    ['allowed_ips', []],
    ['metadata', null],
    ['is_active', null],
    ['is_active', 'false'],
  ])('refuses %s as %j by name', async (path, value) => {
    const { id } = await issue()
    const answer = await change(id, { [path.split('.')[0] ?? path]: value })
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(answer.body.errors.map((one: { path: string }) => one.path)).toContain(`body.${path}`)
  })

  test("of another organization's key gets the same response as an unknown one", async () => {
    const [{ id }, stranger] = [await issue(), await newUser()]
    const unknown = await change(UNKNOWN, { name: 'x' }, stranger.token)
    const foreign = await change(id, { name: 'x' }, stranger.token)
    expect(unknown).toMatchObject({ status: 404, body: { code: 'key_not_found' } })
    expect(withoutRequestId(foreign.body)).toEqual(withoutRequestId(unknown.body))
    expect((await read(id)).name).toBe('Key of a test')
  })

  test('is refused once it is revoked', async () => {
    const { id } = await issue()
    await call(`DELETE ${KEYS}/${id}`, { token: owner.token })
    expect(await change(id, { is_active: true })).toMatchObject({ status: 409, body: { code: 'key_revoked' } })
  })
})

describe('PATCH /api/v1/auth/api-keys/{id}: nobody gives a key what they do not have', () => {
  test('neither scopes over Tollgate, nor the operator’s, nor a rate limit above the plan', async () => {
    const { id } = await issue()
    const writer = (await issue({ scopes: ['tollgate:keys:write'] })).key
    const wishes: [string, string, Record<string, unknown>, string][] = [
      [writer, id, { scopes: ['tollgate:keys:read'] }, 'forbidden'],
      [owner.token, id, { scopes: ['platform:verify'] }, 'forbidden'],
      [owner.token, id, { scopes: ['a', 'platform:*'] }, 'forbidden'],
      [owner.token, id, { custom_rate_limit: 61 }, 'rate_limit_above_plan'],
    ]
    for (const [token, key, body, code] of wishes)
      expect(await change(key, body, token)).toMatchObject({ status: 403, body: { code } })
    expect((await change(id, { custom_rate_limit: 60, scopes: ['tollgate:keys:write'] }, writer)).status).toBe(200)
    expect(await read(id)).toMatchObject({ scopes: ['tollgate:keys:write'], custom_rate_limit: 60 })
  })

  test('a limit that an administrator granted stays until somebody else sets one', async () => {
    const token = await administrator()
    const { id, key } = await issue({}, token)
    await change(id, { custom_rate_limit: 123_456 }, token)
    await change(id, { name: 'Still' }, token)
    expect((await verify(key)).body.ratelimit.limit).toBe(123_456)
    await call(`DELETE ${KEYS}/${id}`, { token })
  })

  test('a key renames another one with a scope that it lacks itself, and gives no such scope', async () => {
    const { id } = await issue({ scopes: ['reports:read'] })
    const writer = (await issue({ scopes: ['tollgate:keys:write'] })).key
    const renamed = await change(id, { name: 'Renamed', scopes: ['reports:read'] }, writer)
    expect(renamed).toMatchObject({ status: 200, body: { name: 'Renamed', scopes: ['reports:read'] } })
    expect((await change(id, { scopes: ['reports:write'] }, writer)).status).toBe(403)
  })

  test('a viewer changes nothing', async () => {
    const person = await newUser()
    const { id } = await issue({}, person.token)
    await directly().sql.query("update memberships set role = 'viewer' where user_id = $1", [person.user.id])
    expect((await change(id, { name: 'x' }, person.token)).status).toBe(403)
  })

  test('a customer cannot change the service key of the seed', async () => {
    const [row] = await directly().sql.query("select id from api_keys where 'platform:verify' = any(scopes) limit 1")
    expect((await change(row?.id, { is_active: false })).status).toBe(404)
    expect((await verify(inject('credentials').api_key)).status).toBe(200)
  })
})

describe('PATCH /api/v1/auth/api-keys/{id}: the plan’s number of keys', () => {
  test('counts disabled keys; an expired one returns only if there is room, exactly, even if five do at once', async () => {
    const { token, user } = await newUser()
    await setLimits(user.organization_id, { max_api_keys: 10 })
    const expired: string[] = []
    for (let count = 0; count < 5; count++) expired.push((await issue({}, token)).id)
    for (const id of expired) await expire(id)
    const [off] = [await issue({}, token)]
    await change(off.id, { is_active: false }, token)
    await setLimits(user.organization_id, { max_api_keys: 3 })

    expect((await change(expired[0] ?? '', { name: 'Expired still' }, token)).status).toBe(200)
    const answers = await Promise.all(expired.map((id) => change(id, { expires_at: secondsAhead(3_600) }, token)))
    const statuses = Map.groupBy(answers, ({ status }) => status)
    expect([statuses.get(200)?.length, statuses.get(403)?.length]).toEqual([2, 3])
    for (const { body } of statuses.get(403) ?? []) expect(body.code).toBe('key_limit_reached')
    expect((await call(`POST ${KEYS}`, { token, body: { name: 'One more' } })).status).toBe(403)
    expect((await change(off.id, { is_active: true }, token)).status).toBe(200)
  })
})
