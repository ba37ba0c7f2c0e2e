import { describe, expect, inject, test } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newUser, setLimits, verify } from '../../support/http.ts'

const KEYS = '/api/v1/auth/api-keys'
const issue = (token: string, fields: Record<string, unknown> = {}) =>
  call(`POST ${KEYS}`, { token, body: { name: 'Key of a test', ...fields } })

/** Everything that an organization's routes allow; nobody undoes the writes, so each is harmless. */
const ACTIONS = {
  'keys:read': (token: string) => call(`GET ${KEYS}`, { token }),
  'keys:write': (token: string) => call(`DELETE ${KEYS}/01900000-0000-7000-8000-000000000000`, { token }),
  'usage:events': (token: string) => call('GET /api/v1/usage/events', { token }),
  'usage:read': (token: string) => call('GET /api/v1/quotas', { token }),
}
const allowed = async (token: string) => {
  const answers = await Promise.all(
    Object.entries(ACTIONS).map(async ([scope, act]) => [scope, await act(token)] as const),
  )
  for (const [, { status }] of answers) expect([200, 403, 404]).toContain(status)
  return answers.filter(([, { status }]) => status !== 403).map(([scope]) => scope)
}

describe('POST /api/v1/auth/api-keys: how many keys, and how fast', () => {
  test('of 15 keys issued concurrently on a free plan exactly ten are created', async () => {
    const { token } = await newUser()
    const answers = await Promise.all(Array.from({ length: 15 }, () => issue(token)))
    const statuses = Map.groupBy(answers, ({ status }) => status)
    expect(statuses.get(201)).toHaveLength(10)
    expect(statuses.get(403)).toHaveLength(5)
    for (const { body } of statuses.get(403) ?? []) expect(body.code).toBe('key_limit_reached')
    expect((await call(`GET ${KEYS}`, { token })).body.data).toHaveLength(10)
  })

  test("an owner sets a rate limit up to the plan's, and none above it", async () => {
    const { token } = await newUser()
    expect((await issue(token, { custom_rate_limit: 59 })).status).toBe(201)
    const { body } = await issue(token, { custom_rate_limit: 60 })
    expect(body.custom_rate_limit).toBe(60)
    expect((await verify(body.key)).body.ratelimit.limit).toBe(60)
    expect(await issue(token, { custom_rate_limit: 61 })).toMatchObject({
      status: 403,
      body: { code: 'rate_limit_above_plan' },
    })
  })

  test("the organization's own limit counts, not the plan's, when it has one", async () => {
    const { token, user } = await newUser()
    await setLimits(user.organization_id, { rate_limit_per_minute: 20 })
    expect((await issue(token, { custom_rate_limit: 20 })).status).toBe(201)
    expect((await issue(token, { custom_rate_limit: 21 })).status).toBe(403)
  })

  test('an administrator sets any rate limit in an organization of their own', async () => {
    const token = await administrator()
    const { body: me } = await call('GET /api/v1/auth/me', { token })
    await setLimits(me.organization_id, { rate_limit_per_minute: 100 })
    const { status, body } = await issue(token, { custom_rate_limit: 101 })
    await setLimits(me.organization_id, { rate_limit_per_minute: null })
    expect(status).toBe(201)
    expect((await verify(body.key)).body.ratelimit.limit).toBe(101)
    await call(`DELETE ${KEYS}/${body.id}`, { token })
  })
})

describe('what a key may do in Tollgate itself', async () => {
  const owner = await newUser()
  await setLimits(owner.user.organization_id, { max_api_keys: 100, rate_limit_per_minute: 10_000 })
  const keyWith = async (scopes: string[]) => (await issue(owner.token, { scopes })).body.key as string

  test.each([
    ['no scope', [], []],
    ['scopes of the customer’s own', ['reports:read', 'keys:read', 'keys:*', 'xtollgate:keys:read'], []],
    ['tollgate:keys:read', ['tollgate:keys:read'], ['keys:read']],
    ['tollgate:keys:write', ['tollgate:keys:write'], ['keys:write']],
    ['tollgate:usage:events', ['tollgate:usage:events'], ['usage:events']],
  ])('with %s is only that, and reading its own usage', async (_, scopes, more) => {
    expect(await allowed(await keyWith(scopes))).toEqual([...more, 'usage:read'])
  })

  test('never includes administration or a person’s own account', async () => {
    const key = await keyWith(['tollgate:keys:write', 'admin:*', 'administrator', 'users:*'])
    const quotas = await call(`PUT /api/v1/admin/organizations/${owner.user.organization_id}/quotas`, {
      token: key,
      body: { api_calls: 1_000_000_000 },
    })
    expect(quotas.status).toBe(403)
    expect((await call('GET /api/v1/auth/me', { token: key })).status).toBe(403)
  })

  test('is nothing with a wildcard over all the customer’s own scopes', async () => {
    const { status, body } = await issue(owner.token, { scopes: ['*'] })
    if (status !== 201) expect([400, 403]).toContain(status)
    else expect(await allowed(body.key)).toEqual(['usage:read'])
  })

  test('excludes creating a key that may do more than itself', async () => {
    const key = await keyWith(['tollgate:keys:write'])
    for (const scopes of [['tollgate:keys:read'], ['tollgate:*'], ['platform:verify'], ['platform:*']]) {
      expect((await issue(key, { scopes })).status).toBe(403)
    }
    expect((await issue(key, { scopes: ['tollgate:keys:write'] })).status).toBe(201)
  })

  test('excludes creating, changing or rotating a key with looser bounds than its own', async () => {
    const bounds = {
      allowed_ips: ['192.0.2.0/24'],
      expires_at: '2099-01-01T00:00:00.000Z',
      custom_rate_limit: 50,
      limits: [{ name: 'daily', limit: 10, window_seconds: 86_400, cost: 0 }],
    }
    const scopes = ['tollgate:keys:write', 'reports:*']
    const { body: issuer } = await issue(owner.token, { ...bounds, scopes, environment: 'test' })
    const ip = '192.0.2.9'
    const test = { name: 'Made by a key', environment: 'test' }
    const make = (fields: object) => call(`POST ${KEYS}`, { token: issuer.key, body: { ...test, ...fields }, ip })
    const change = (id: string, body: object) => call(`PATCH ${KEYS}/${id}`, { token: issuer.key, body, ip })

    const made = await make({ scopes: ['reports:read'] })
    expect(made).toMatchObject({ status: 201, body: bounds })
    const more = [
      { scopes: ['*'] },
      { scopes: ['billing:read'] },
      { allowed_ips: null },
      { allowed_ips: ['192.0.0.0/16'] },
      { expires_at: null },
      { expires_at: '2099-01-02T00:00:00Z' },
      { custom_rate_limit: null },
      { custom_rate_limit: 51 },
      { limits: [{ name: 'daily', limit: 11, window_seconds: 86_400, cost: 0 }] },
    ]
    for (const fields of more) {
      expect(await make(fields), JSON.stringify(fields)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
      for (const id of [made.body.id, issuer.id])
        expect(await change(id, fields), JSON.stringify(fields)).toMatchObject({ status: 403 })
    }
    expect((await make({ environment: 'live' })).status).toBe(403)
    expect((await make({ allowed_ips: ['192.0.2.7', '192.0.2.16/28'], custom_rate_limit: 49 })).status).toBe(201)
    expect((await change(issuer.id, { limits: [] })).status).toBe(403)

    const { body: stronger } = await issue(owner.token, { scopes: ['reports:read'], environment: 'test' })
    const rotate = (id: string) => call(`POST ${KEYS}/${id}/rotate`, { token: issuer.key, ip })
    expect(await rotate(stronger.id)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect((await rotate(made.body.id)).status).toBe(201)
    expect((await rotate(issuer.id)).status).toBe(201)
  })

  test('ends with the key, in either header', async () => {
    const { body } = await issue(owner.token)
    const ways: Record<string, string>[] = [{ 'X-API-Key': body.key }, { Authorization: `Bearer ${body.key}` }]
    for (const headers of ways) expect((await call('GET /api/v1/quotas', { headers })).status).toBe(200)
    await call(`DELETE ${KEYS}/${body.id}`, { token: owner.token })
    for (const headers of ways) expect((await call('GET /api/v1/quotas', { headers })).status).toBe(401)
  })

  test('stops at its organization: another’s id is unknown to it', async () => {
    const key = await keyWith(['tollgate:keys:read'])
    for (const path of ['quotas', 'auth/usage/stats', 'auth/api-keys']) {
      const answer = await call(`GET /api/v1/${path}?organization_id=${inject('credentials').organization_id}`, {
        token: key,
      })
      expect(answer).toMatchObject({ status: 404, body: { code: 'organization_not_found' } })
    }
  })

  test('is bound to the addresses of the key', async () => {
    const { body } = await issue(owner.token, { allowed_ips: ['203.0.113.0/24'] })
    const from = (ip: string, headers = {}) => call('GET /api/v1/quotas', { token: body.key, ip, headers })
    expect((await from('203.0.113.9')).status).toBe(200)
    expect((await from('203.0.114.9', { 'X-Forwarded-For': '203.0.113.9' })).status).not.toBe(200)
  })

  test('with the service scopes is verification, and no access to customers’ data', async () => {
    const { service_key, organization_id } = inject('credentials')
    expect((await call(`GET /api/v1/quotas?organization_id=${organization_id}`, { token: service_key })).status).toBe(
      403,
    )
    expect((await call(`GET ${KEYS}`, { token: service_key })).status).toBe(403)
  })
})

describe('what a member’s role lets them do', async () => {
  const person = await newUser()
  const become = (role: string) =>
    directly().sql.query('update memberships set role = $1 where user_id = $2', [role, person.user.id])

  test.each([
    ['owner', ['keys:read', 'keys:write', 'usage:events', 'usage:read']],
    ['admin', ['keys:read', 'keys:write', 'usage:events', 'usage:read']],
    ['member', ['keys:read', 'keys:write', 'usage:events', 'usage:read']],
    ['viewer', ['keys:read', 'usage:read']],
  ])('%s: %j, from the next request on', async (role, can) => {
    await become(role)
    expect((await call('GET /api/v1/auth/me', { token: person.token })).body.role).toBe(role)
    expect(await allowed(person.token)).toEqual(can)
    expect((await issue(person.token)).status).toBe(can.includes('keys:write') ? 201 : 403)
  })

  test('a former member sees nothing of the organization', async () => {
    await directly().sql.query('delete from memberships where user_id = $1', [person.user.id])
    const query = `?organization_id=${person.user.organization_id}`
    for (const path of ['quotas', 'auth/usage/stats', 'auth/api-keys']) {
      expect([403, 404]).toContain((await call(`GET /api/v1/${path}`, { token: person.token })).status)
      expect((await call(`GET /api/v1/${path}${query}`, { token: person.token })).status).toBe(404)
    }
  })
})
