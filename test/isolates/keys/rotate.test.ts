import { describe, expect, test } from 'vitest'
import { directly, withoutRequestId } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser, setLimits, verify } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'

const KEYS = '/api/v1/auth/api-keys'
const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const DAY = 86_400
const owner = await newUser()
await setLimits(owner.user.organization_id, { max_api_keys: 1_000 })

const issue = async (fields: Record<string, unknown> = {}, token = owner.token) =>
  (await call(`POST ${KEYS}`, { token, body: { name: 'Key of a test', ...fields } })).body
const rotate = (id: string, body?: unknown, token = owner.token) =>
  call(`POST ${KEYS}/${id}/rotate`, { token, ...(body !== undefined && { body }) })
const read = async (id: string, token = owner.token) => (await call(`GET ${KEYS}/${id}`, { token })).body
const revoke = (id: string, token = owner.token) => call(`DELETE ${KEYS}/${id}`, { token })

describe('rotating a key', () => {
  test('gives no new allowance: old and new keys count in the same windows, however often it is done', async () => {
    const limits = [{ name: 'reports', limit: 3, window_seconds: 30 * DAY }]
    const first = await issue({ limits, custom_rate_limit: 5 })
    for (const left of [2, 1, 0])
      expect((await verify(first.key)).body).toMatchObject({ valid: true, limits: { reports: { remaining: left } } })
    let current = first
    for (let times = 0; times < 3; times++) {
      current = (await rotate(current.id, { grace_period_seconds: 3_600 })).body
      expect((await verify(current.key)).body).toMatchObject({
        code: 'RATE_LIMITED',
        refused_by: 'reports',
        ratelimit: { remaining: 2 },
      })
    }
  })

  test('returns a new key with all properties of the old one, and ends the old one at once without a grace period', async () => {
    const old = await issue({
      description: 'Nightly',
      prefix: 'pk',
      environment: 'test',
      scopes: ['reports:*'],
      expires_at: '2099-01-01T00:00:00.000Z',
      custom_rate_limit: 30,
      limits: [{ name: 'exports', limit: 3, window_seconds: 3_600 }],
      allowed_ips: ['192.0.2.0/24'],
      metadata: { team: 'blue' },
    })
    await verify(old.key)
    const { status, body } = await rotate(old.id)
    expect(status).toBe(201)
    expect(body).toEqual({
      ...old,
      id: expect.not.stringContaining(old.id),
      key: expect.stringMatching(/^pk_test_/),
      key_hint: expect.not.stringContaining(old.key_hint),
      created_at: expect.any(String),
      rotated_from: old.id,
    })
    const ip = '192.0.2.9'
    expect((await verify(body.key, { ip, scopes: ['reports:read'] })).body).toMatchObject({
      code: 'VALID',
      key_id: body.id,
      ratelimit: { limit: 30 },
    })
    expect((await verify(old.key, { ip })).body.code).toBe('REVOKED')
    expect(await read(old.id)).toMatchObject({ is_active: false, replaced_by: body.id, revoked_at: expect.any(String) })
    const [row] = await directly().sql.query(
      "select detail, actor_id from audit_logs where target_id = $1 and action = 'key.rotated' order by id",
      [old.id],
    )
    expect(row).toEqual({ actor_id: owner.user.id, detail: { replaced_by: body.id, grace_period_seconds: 0 } })
  })

  test('lets both work in the grace period, and the old one until its very end', async () => {
    const old = await issue()
    const before = Date.now()
    const { body } = await rotate(old.id, { grace_period_seconds: 60 })
    const { revoked_at, is_active } = await read(old.id)
    const end = Date.parse(revoked_at)
    expect(end).toBeGreaterThanOrEqual(before + 60_000)
    expect(end).toBeLessThanOrEqual(Date.now() + 60_000)
    expect(is_active).toBe(true)
    const isolate = await newIsolate()
    for (const key of [old.key, body.key]) expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    isolate.advance(end - isolate.now() - 15_000)
    expect(await isolate.verify(old.key)).toMatchObject({ code: 'VALID' })
    isolate.advance(end - isolate.now())
    expect(await isolate.verify(old.key)).toMatchObject({ code: 'REVOKED' })
    expect(await isolate.verify(body.key)).toMatchObject({ code: 'VALID' })
    await isolate.settled()
  })

  test('never lets the old one outlive its own expiry, which the new one keeps', async () => {
    const expires_at = new Date(Date.now() + 3_600_000).toISOString()
    const old = await issue({ expires_at })
    expect((await rotate(old.id, { grace_period_seconds: DAY })).body.expires_at).toBe(expires_at)
    expect((await read(old.id)).revoked_at).toBe(expires_at)
  })

  test('happens once if it is requested twice at once, also with the same Idempotency-Key', async () => {
    const { id } = await issue()
    const answers = await Promise.all([rotate(id), rotate(id, {}), rotate(id, { grace_period_seconds: 60 })])
    const statuses = Map.groupBy(answers, ({ status }) => status)
    expect([statuses.get(201)?.length, statuses.get(409)?.length]).toEqual([1, 2])
    for (const { body } of statuses.get(409) ?? []) expect(['key_revoked', 'key_already_rotated']).toContain(body.code)
    const rows = await directly().sql.query('select id from api_keys where rotated_from = $1', [id])
    expect(rows).toHaveLength(1)

    const headers = { 'Idempotency-Key': crypto.randomUUID() }
    const other = await issue()
    const again = () => call(`POST ${KEYS}/${other.id}/rotate`, { token: owner.token, body: {}, headers })
    const [first, second] = [await again(), await again()]
    expect(second).toMatchObject({ status: 201, body: first.body })
  })

  test('is refused for a key that is expired, revoked or already rotated; its successor can be rotated', async () => {
    const [expired, revoked, rotated] = [await issue(), await issue(), await issue()]
    await directly().sql.query('update api_keys set expires_at = now() where id = $1', [expired.id])
    await revoke(revoked.id)
    const { body: successor } = await rotate(rotated.id, { grace_period_seconds: 60 })
    expect(await rotate(expired.id)).toMatchObject({ status: 409, body: { code: 'key_expired' } })
    expect(await rotate(revoked.id)).toMatchObject({ status: 409, body: { code: 'key_revoked' } })
    expect(await rotate(rotated.id)).toMatchObject({ status: 409, body: { code: 'key_already_rotated' } })
    expect(await rotate(successor.id)).toMatchObject({ status: 201, body: { rotated_from: successor.id } })
  })

  test.each([-1, 604_801, 1.5, '60', null])('accepts no grace period of %j', async (grace_period_seconds) => {
    expect(await rotate(UNKNOWN, { grace_period_seconds })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    })
  })

  test('accepts a grace period of a week', async () => {
    const { id } = await issue()
    expect((await rotate(id, { grace_period_seconds: 604_800 })).status).toBe(201)
  })

  test("of another organization's key gets the same response as an unknown one", async () => {
    const [{ id }, stranger] = [await issue(), await newUser()]
    const [unknown, foreign] = [await rotate(UNKNOWN, {}, stranger.token), await rotate(id, {}, stranger.token)]
    expect(foreign).toMatchObject({ status: 404, body: { code: 'key_not_found' } })
    expect(withoutRequestId(foreign.body)).toEqual(withoutRequestId(unknown.body))
  })

  test("requires the right to grant the key's scopes: its successor is a secret in new hands", async () => {
    const strong = await issue({ scopes: ['tollgate:keys:read', 'tollgate:keys:write'] })
    const writer = await issue({ scopes: ['tollgate:keys:write'] })
    expect(await rotate(strong.id, {}, writer.key)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect((await rotate(writer.id, {}, writer.key)).status).toBe(201)
  })

  test('keeps a rate limit that an administrator granted, and a disabled key stays disabled', async () => {
    const token = await administrator()
    const granted = await issue({ custom_rate_limit: 654_321 }, token)
    const { body } = await rotate(granted.id, {}, token)
    expect((await verify(body.key)).body.ratelimit.limit).toBe(654_321)
    await revoke(body.id, token)
    const { id } = await issue()
    await call(`PATCH ${KEYS}/${id}`, { token: owner.token, body: { is_active: false } })
    expect((await rotate(id)).body.is_active).toBe(false)
  })
})

describe('a key in its grace period', () => {
  test('is revoked at once by its owner, and its successor is not', async () => {
    const old = await issue()
    const { body } = await rotate(old.id, { grace_period_seconds: DAY })
    expect((await revoke(old.id)).status).toBe(204)
    expect((await verify(old.key)).body.code).toBe('REVOKED')
    expect((await verify(body.key)).body.code).toBe('VALID')
    expect(Date.parse((await read(old.id)).revoked_at)).toBeLessThanOrEqual(Date.now())
  })

  test('does not count toward the number of keys, but its successor does; there are no more of them than keys', async () => {
    const { token, user } = await newUser()
    await setLimits(user.organization_id, { max_api_keys: 1 })
    const first = await issue({}, token)
    const { status, body: second } = await rotate(first.id, { grace_period_seconds: 60 }, token)
    expect(status).toBe(201)
    expect(await call(`POST ${KEYS}`, { token, body: { name: 'x' } })).toMatchObject({
      status: 403,
      body: { code: 'key_limit_reached' },
    })
    expect(await rotate(second.id, { grace_period_seconds: 60 }, token)).toMatchObject({
      status: 403,
      body: { code: 'key_limit_reached' },
    })
    const { body: third } = await rotate(second.id, {}, token)
    await revoke(first.id, token)
    expect((await rotate(third.id, { grace_period_seconds: 60 }, token)).status).toBe(201)
  })
})

test('a successor has every column of the key, including columns added later, except its own', async () => {
  const { token, keyId } = await newKeyHolder({ scopes: ['a:b'], metadata: { a: 1 }, allowed_ips: ['192.0.2.0/24'] })
  const { sql } = directly()
  await sql.query(
    `update api_keys set description = 'odd', expires_at = '2099-01-01', custom_rate_limit = 7, environment = 'test',
       is_rate_limit_granted = true, limits = '[{"name":"odd","limit":3,"window_seconds":60,"cost":1}]', version = 7
     where id = $1`,
    [keyId],
  )
  const { body } = await call(`POST /api/v1/auth/api-keys/${keyId}/rotate`, { token })
  const read = async (id: string) =>
    (await sql.query('select to_jsonb(k) as row from api_keys k where id = $1', [id]))[0]?.row as Record<
      string,
      unknown
    >
  const [old, successor] = [await read(keyId), await read(body.id)]
  const differing = Object.keys(old).filter(
    (column) => JSON.stringify(old[column]) !== JSON.stringify(successor[column]),
  )
  expect(differing.toSorted()).toEqual(
    ['created_at', 'id', 'is_active', 'key_hash', 'key_hint', 'lineage_id', 'replaced_by', 'revoked_at', 'rotated_from']
      .concat('updated_at', 'version')
      .toSorted(),
  )
})
