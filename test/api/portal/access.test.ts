import { env, exports } from 'cloudflare:workers'
import { SignJWT } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { PORTAL_TOKEN_SECONDS, signPortalToken } from '../../../src/auth/portal-token.ts'
import { readConfig } from '../../../src/config.ts'
import { newCustomer, newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser } from '../../support/http.ts'
import { portalToken } from '../../support/portal.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const KEYS = '/api/v1/auth/api-keys'
const codeOf = async (line: string, token: string, body?: object) => {
  const answer = await call(line, { token, ...(body && { body }) })
  return [answer.status, answer.body.code]
}

/** The claims of a token. */
const claimsOf = (token: string) => {
  const [, payload = ''] = token.split('.')
  return JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
}

const secret = new TextEncoder().encode(String((env as unknown as Record<string, unknown>).JWT_SECRET_KEY))
const signed = (claims: Record<string, unknown>, typ: string) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ }).sign(secret)

describe('an access token of the portal', () => {
  test('acts in its organization with its scopes, and no others', async () => {
    const [mine, other] = [await newCustomer(), await newCustomer()]
    const token = await portalToken(mine.organizationId, ['keys:read'])
    const { status, body } = await call(`GET ${KEYS}`, { token })
    expect([status, body.data.map(({ id }: { id: string }) => id)]).toEqual([200, [mine.keyId]])
    expect((await call(`GET ${KEYS}?external_id=${mine.encoded}`, { token })).status).toBe(200)
    expect(await codeOf(`GET ${KEYS}?organization_id=${other.organizationId}`, token)).toEqual([
      404,
      'organization_not_found',
    ])
    expect(await codeOf(`GET ${KEYS}?external_id=${other.encoded}`, token)).toEqual([404, 'organization_not_found'])
    expect(await codeOf(`POST ${KEYS}`, token, { name: 'No' })).toEqual([403, 'forbidden'])
    expect(await codeOf('GET /api/v1/quotas', token)).toEqual([403, 'forbidden']) // an API key needs no scope for that
    expect(await codeOf('GET /api/v1/auth/me', token)).toEqual([403, 'user_only'])
    expect(await codeOf('GET /api/v1/admin/organizations', token)).toEqual([403, 'user_only'])
    expect(await codeOf(`GET /api/v1/organizations/${mine.organizationId}/members`, token)).toEqual([403, 'user_only'])
  })

  test('issues keys, but gives them no scope that it lacks itself', async () => {
    const { organizationId } = await newKeyHolder()
    const token = await portalToken(organizationId, ['keys:read', 'keys:write'])
    const issue = (scopes: string[]) => call(`POST ${KEYS}`, { token, body: { name: 'By the portal', scopes } })
    const [plain, held, wider, own] = [
      await issue([]),
      await issue(['tollgate:keys:read']),
      await issue(['tollgate:audit:read']),
      await issue(['reports:read']),
    ]
    expect([plain, held, wider, own].map(({ status }) => status)).toEqual([201, 201, 403, 403])
    expect((await call(`POST ${KEYS}/${plain.body.id}/rotate`, { token, body: {} })).status).toBe(201)
  })

  test('leaves audit rows with the service key that created its session', async () => {
    const { id, key } = await newServiceKey('platform:portal')
    const { organizationId } = await newKeyHolder()
    const token = await portalToken(organizationId, ['keys:write', 'audit:read'], key)
    const { body } = await call(`POST ${KEYS}`, { token, body: { name: 'By the portal' } })
    const [row] = await sql.query(`select * from audit_logs where target_id = $1 and action = 'key.issued'`, [body.id])
    expect(row).toMatchObject({
      actor_type: 'portal',
      actor_id: id,
      detail: { portal_session: claimsOf(token).sub },
    })
    const { body: log } = await call('GET /api/v1/audit-logs?action=key.issued&limit=1', { token })
    expect(log.data).toMatchObject([{ actor: { type: 'portal', id }, target: { id: body.id } }])
  })

  test('repeats a request safely, separately from other sessions of the same organization', async () => {
    const { organizationId } = await newKeyHolder()
    const headers = { 'Idempotency-Key': 'the same' }
    const body = { name: 'Once' }
    const [one, other] = [
      await portalToken(organizationId, ['keys:write']),
      await portalToken(organizationId, ['keys:write']),
    ]
    const ask = async (token: string) => (await call(`POST ${KEYS}`, { token, headers, body })).body.id
    const first = await ask(one)
    expect(await ask(one)).toBe(first)
    expect(await ask(other)).not.toBe(first)
  })

  test('ends with the next request once the organization is suspended or deleted', async () => {
    const { organizationId } = await newKeyHolder()
    const token = await portalToken(organizationId, ['keys:read'])
    const line = `PUT /api/v1/admin/organizations/${organizationId}/suspension`
    const admin = await administrator()
    await call(line, { token: admin, body: { suspended: true, reason: 'As agreed' } })
    expect(await codeOf(`GET ${KEYS}`, token)).toEqual([401, 'unauthenticated'])
    await call(line, { token: admin, body: { suspended: false } })
    expect((await call(`GET ${KEYS}`, { token })).status).toBe(200)
    await call(`DELETE /api/v1/admin/organizations/${organizationId}`, { token: admin })
    expect(await codeOf(`GET ${KEYS}`, token)).toEqual([401, 'unauthenticated'])
  })

  test('ends with the service key that created its session, from the next request on', async () => {
    const { id, key } = await newServiceKey('platform:portal')
    const { organizationId } = await newKeyHolder()
    const token = await portalToken(organizationId, ['keys:read'], key)
    expect((await call(`GET ${KEYS}`, { token })).status).toBe(200)
    await call(`DELETE /api/v1/admin/service-keys/${id}`, { token: await administrator() })
    expect(await codeOf(`GET ${KEYS}`, token)).toEqual([401, 'unauthenticated'])
  })

  test('ends at its expiry, to the second', async () => {
    const { organizationId } = await newKeyHolder()
    const claims = claimsOf(await portalToken(organizationId, ['keys:read']))
    expect(claims.exp - claims.iat).toBe(PORTAL_TOKEN_SECONDS)
    const of = ({ sub, org, key, scopes }: typeof claims) => ({ sub, org, key, scopes })
    const config = readConfig(env)
    const dead = await signPortalToken(config, of(claims), Date.now() - PORTAL_TOKEN_SECONDS * 1000 - 1_000)
    const alive = await signPortalToken(config, of(claims), Date.now() - PORTAL_TOKEN_SECONDS * 1000 + 60_000)
    expect(await codeOf(`GET ${KEYS}`, dead)).toEqual([401, 'unauthenticated'])
    expect((await call(`GET ${KEYS}`, { token: alive })).status).toBe(200)
  })

  test('is never accepted as a user’s, nor a user’s as one of the portal', async () => {
    const [user, { organizationId }] = [await newUser(), await newKeyHolder()]
    const portal = claimsOf(await portalToken(organizationId, ['keys:read']))
    const person = claimsOf(user.token)
    const both = { ...person, ...portal, sid: person.sid }
    const forged = await Promise.all([
      signed(portal, 'at+jwt'),
      signed(person, 'portal+jwt'),
      signed({ ...both, sub: portal.sub }, 'at+jwt'),
      signed({ ...portal, org: person.org, key: person.sid }, 'portal+jwt'),
      signed(portal, 'JWT'),
    ])
    for (const token of forged) expect(await codeOf(`GET ${KEYS}`, token)).toEqual([401, 'unauthenticated'])
    expect(
      await exports.Tollgate.verifyToken({ token: await portalToken(organizationId, ['keys:read']) }),
    ).toMatchObject({ valid: false, code: 'UNAUTHENTICATED' })
  })

  test('cannot name whom it acts for', async () => {
    const { organizationId } = await newKeyHolder()
    const token = await portalToken(organizationId, ['keys:read'])
    const { status, body } = await call(`GET ${KEYS}`, { token, headers: { 'Tollgate-Actor': 'somebody' } })
    expect([status, body.errors[0].path]).toEqual([400, 'header.Tollgate-Actor'])
  })
})
