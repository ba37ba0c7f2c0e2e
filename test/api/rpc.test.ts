import { exports } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import type { Permission } from '../../src/rpc-types.ts'
import { directly } from '../support/direct.ts'
import { call, newKeyHolder, newUser } from '../support/http.ts'

test('another Worker verifies a key without credentials, and gets the same verdict as over HTTP', async () => {
  const { key, keyId, organizationId } = await newKeyHolder({ metadata: { tier: 'gold' } })
  const verdict = await exports.Tollgate.verifyKey({ key, cost: 3 })
  expect(verdict).toMatchObject({
    valid: true,
    code: 'VALID',
    key_id: keyId,
    organization_id: organizationId,
    plan: 'free',
    metadata: { tier: 'gold' },
    ratelimit: { limit: 60, remaining: 57 },
    quotas: { api_calls: { used: 3, remaining: 99_997 } },
  })
})

test.each([
  [undefined, 'body'],
  [{}, 'body.key'],
  [{ key: 'k', cost: -1 }, 'body.cost'],
  [{ key: 'k', cost: Number.NaN }, 'body.cost'],
  [{ key: 'k', scopes: 'all' }, 'body.scopes'],
])('bad input %j returns data that names the field, not an exception', async (input, path) => {
  const failure = await exports.Tollgate.verifyKey(input as any)
  expect(failure).toMatchObject({ valid: false, code: 'INVALID_REQUEST', problem: { status: 400, errors: [{ path }] } })
})

test('a verdict gives the status and headers to respond with, and an outage is not a refusal', async () => {
  const { key } = await newKeyHolder({ custom_rate_limit: 1 })
  const first = await exports.Tollgate.verifyKey({ key })
  expect(first).toMatchObject({ status: 200, retry_after: null, headers: { RateLimit: expect.stringMatching(/r=0/) } })
  const second = (await exports.Tollgate.verifyKey({ key })) as any
  expect(second).toMatchObject({ code: 'RATE_LIMITED', status: 429, headers: { 'RateLimit-Policy': '"key";q=1;w=60' } })
  expect(second.retry_after).toBeGreaterThanOrEqual(1)
  expect(second.headers['Retry-After']).toBe(String(second.retry_after))
  expect(Date.parse(second.ratelimit.resets_at)).toBeGreaterThan(Date.now())
  const unknown = await exports.Tollgate.verifyKey({ key: 'nonsense' })
  expect(unknown).toMatchObject({ status: 401, retry_after: null, headers: { 'WWW-Authenticate': 'Bearer' } })
})

describe('verifyToken', () => {
  test('returns the user, the organization and the role as of now', async () => {
    const [user, other] = [await newUser(), await newUser()]
    const { token } = user
    const organization_id = user.user.organization_id as string
    expect(await exports.Tollgate.verifyToken({ token })).toMatchObject({
      valid: true,
      code: 'VALID',
      user_id: user.user.id,
      organization_id,
      role: 'owner',
      is_administrator: false,
    })
    const may = (permission: Permission) => exports.Tollgate.verifyToken({ token, organization_id, permission })
    expect(await may('keys:write')).toMatchObject({ valid: true })
    const theirs = { token, organization_id: other.user.organization_id }
    const refused = { valid: false, code: 'FORBIDDEN', request_id: expect.any(String) }
    expect(await exports.Tollgate.verifyToken(theirs)).toEqual(refused)
    expect(await exports.Tollgate.verifyToken({ ...theirs, organization_id: crypto.randomUUID() })).toEqual(refused)
    await directly().sql.query(`update memberships set role = 'viewer' where user_id = $1`, [user.user.id])
    expect(await may('keys:write')).toEqual(refused)
    expect(await may('keys:read')).toMatchObject({ valid: true, role: 'viewer' })

    await call('POST /api/v1/auth/logout', { token, body: { refresh_token: user.refreshToken } })
    const ended = await exports.Tollgate.verifyToken({ token })
    expect(ended).toEqual({ valid: false, code: 'UNAUTHENTICATED', request_id: expect.any(String) })
  })

  test('allows no writes while an organization is suspended; reads continue, and the response shows the suspension', async () => {
    const { token, user } = await newUser()
    const may = (permission?: Permission) => exports.Tollgate.verifyToken({ token, permission })
    await directly().sql.query('update organizations set suspended_at = now() where id = $1', [user.organization_id])
    for (const permission of ['keys:write', 'keys:import', 'members:write'] as const)
      expect(await may(permission)).toEqual({ valid: false, code: 'FORBIDDEN', request_id: expect.any(String) })
    for (const permission of [undefined, 'keys:read', 'organization:write'] as const)
      expect(await may(permission)).toMatchObject({ valid: true, organization_suspended: true })
    await directly().sql.query('update organizations set suspended_at = null where id = $1', [user.organization_id])
    expect(await may('keys:write')).toMatchObject({ valid: true, organization_suspended: false })
  })

  test.each([
    [{}, 'body.token'],
    [{ token: 't', permission: 'everything' }, 'body.permission'],
    [{ token: 't', organization_id: 'mine' }, 'body.organization_id'],
  ])('bad input %j returns data that names the field', async (input, path) => {
    const failure = await exports.Tollgate.verifyToken(input as any)
    expect(failure).toMatchObject({ valid: false, code: 'INVALID_REQUEST', problem: { errors: [{ path }] } })
  })

  test('an API key is not a token', async () => {
    const { key } = await newKeyHolder()
    expect(await exports.Tollgate.verifyToken({ token: key })).toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})
