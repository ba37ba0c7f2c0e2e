import { env } from 'cloudflare:workers'
import { base64url, SignJWT } from 'jose'
import { afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { Tollgate } from '../../../src/rpc.ts'
import type { VerifyTokenInput } from '../../../src/rpc-types.ts'
import { directly } from '../../support/direct.ts'
import { newKeyHolder } from '../../support/http.ts'
import { countFetches, type Issuer, lastAct, newCustomer, newIssuer } from '../../support/issuers.ts'
import { workerWith } from '../../support/variant.ts'

const KEYS = '/api/v1/auth/api-keys'
const now = () => Math.floor(Date.now() / 1000)

/** One deployment that trusts an issuer, called in the three ways that accept its tokens. */
function deployment(issuer: Issuer) {
  const worker = workerWith(issuer.variables)
  const bindings = { ...env, ...issuer.variables }
  const context = { waitUntil: () => undefined } as unknown as ExecutionContext
  const rpc = new Tollgate(context, bindings)
  const withToken = (line: string, token: string, body?: unknown, more: Record<string, string> = {}) =>
    worker.call(line, body, undefined, { Authorization: `Bearer ${token}`, ...more })
  return {
    api: withToken,
    http: (input: VerifyTokenInput) =>
      withToken('POST /api/v1/tokens/verify', inject('credentials').service_key, input),
    rpc: (input: VerifyTokenInput) => rpc.verifyToken(input),
    verifyKey: (key: string) => rpc.verifyKey({ key }),
  }
}

let issuer: Issuer
let customer: Awaited<ReturnType<typeof newCustomer>>
let worker: ReturnType<typeof deployment>
beforeAll(async () => {
  ;[issuer, customer] = await Promise.all([
    newIssuer({ role_claim: ['app', 'roles'], roles: { boss: 'admin', reader: 'viewer', chief: 'owner' } }),
    newCustomer(),
  ])
  worker = deployment(issuer)
})
afterEach(() => vi.restoreAllMocks())

const good = (more: Record<string, unknown> = {}) => issuer.sign({ org_id: customer.externalId, ...more })

describe('a token of a trusted issuer', () => {
  test('represents a member of the organization that it names, over HTTP and RPC alike', async () => {
    const token = await good()
    const verdict = {
      valid: true,
      code: 'VALID',
      request_id: expect.any(String),
      user_id: 'user_1',
      session_id: null,
      issuer: issuer.issuer,
      organization_id: customer.id,
      role: 'member',
      organization_suspended: false,
      impersonator_id: null,
      is_administrator: false,
    }
    expect((await worker.http({ token })).body).toEqual(verdict)
    expect(await worker.rpc({ token })).toEqual(verdict)
  })

  test('may do with keys and usage what its role allows, and the audit log has the issuer’s name of the user', async () => {
    const token = await good()
    const issued = await worker.api(`POST ${KEYS}`, token, { name: 'Made by an issuer’s user' })
    expect(issued.status).toBe(201)
    expect((await worker.verifyKey(issued.body.key)).valid).toBe(true)
    expect(await lastAct(customer.token)).toMatchObject({
      action: 'key.issued',
      actor: { type: 'external', id: expect.any(String) },
      detail: { issuer: issuer.issuer, subject: 'user_1' },
    })
    for (const line of [`GET ${KEYS}`, 'GET /api/v1/quotas', 'GET /api/v1/auth/usage/stats'])
      expect({ line, status: (await worker.api(line, token)).status }).toEqual({ line, status: 200 })
    expect((await worker.api('GET /api/v1/audit-logs', token)).body).toMatchObject({ code: 'forbidden' })
  })

  test('is the same actor every time, so that a repeat by it, and by nobody else, gets the first response', async () => {
    const make = async (token: string) => {
      const more = { 'Idempotency-Key': 'the same for all' }
      return (await worker.api(`POST ${KEYS}`, token, { name: 'Once' }, more)).body.id
    }
    const [first, repeat, other] = [
      await make(await good()),
      await make(await good()),
      await make(await good({ sub: 'user_2' })),
    ]
    expect(repeat).toBe(first)
    expect(other).not.toBe(first)
  })

  test('gets the highest role that it names, none for an unconfigured role, and the default if it names none', async () => {
    const roleOf = async (roles: unknown) => {
      const verdict = (await worker.http({ token: await good({ app: { roles } }) })).body
      return verdict.role ?? verdict.code
    }
    expect(await roleOf('reader')).toBe('viewer')
    expect(await roleOf(['reader', 'boss', 'guest'])).toBe('admin')
    expect(await roleOf('chief')).toBe('owner')
    for (const none of [undefined, null, []]) expect(await roleOf(none)).toBe('member')
    for (const unknown of ['guest', 'owner', '__proto__', 'toString', ['guest'], 7, { boss: true }])
      expect(await roleOf(unknown)).toBe('UNAUTHENTICATED')
  })

  test('has no account here: a route that needs one is refused with a problem that says so, whatever the role', async () => {
    const token = await good({ app: { roles: 'chief' } })
    for (const line of [
      'GET /api/v1/auth/me',
      'GET /api/v1/auth/sessions',
      'GET /api/v1/admin/users',
      `GET /api/v1/organizations/${customer.id}/members`,
    ]) {
      const { status, body } = await worker.api(line, token)
      expect({ line, status, code: body.code }).toEqual({ line, status: 403, code: 'account_required' })
    }
    const permission = 'members:write'
    expect(await worker.rpc({ token, permission })).toMatchObject({ valid: false, code: 'FORBIDDEN' })
    expect(await worker.rpc({ token, permission: 'webhooks:write' })).toMatchObject({ valid: true, role: 'owner' })
  })

  test('reaches only its own organization', async () => {
    const [token, other] = [await good({ app: { roles: 'boss' } }), await newKeyHolder()]
    const asked = await worker.api(`GET ${KEYS}?organization_id=${other.organizationId}`, token)
    expect({ status: asked.status, code: asked.body.code }).toEqual({ status: 404, code: 'organization_not_found' })
    const verdict = await worker.rpc({ token, organization_id: other.organizationId })
    expect(verdict).toMatchObject({ valid: false, code: 'FORBIDDEN' })
  })

  test('can read but not write while its organization is suspended', async () => {
    const { sql } = directly()
    const token = await good()
    await sql.query('update organizations set suspended_at = now() where id = $1', [customer.id])
    const made = await worker.api(`POST ${KEYS}`, token, { name: 'Not now' })
    expect(made.body.code).toBe('organization_suspended')
    expect((await worker.api(`GET ${KEYS}`, token)).status).toBe(200)
    expect((await worker.http({ token })).body).toMatchObject({ valid: true, organization_suspended: true })
    expect(await worker.rpc({ token, permission: 'keys:write' })).toMatchObject({ code: 'FORBIDDEN' })
    await sql.query('update organizations set suspended_at = null where id = $1', [customer.id])
  })

  test('is refused by a deployment that does not trust its issuer', async () => {
    const token = await good()
    const stranger = deployment(await newIssuer())
    expect((await stranger.api(`GET ${KEYS}`, token)).status).toBe(401)
    expect(await stranger.rpc({ token })).toMatchObject({ valid: false, code: 'UNAUTHENTICATED' })
  })
})

describe('a token is refused', () => {
  /** Its outcome in each of the three ways. */
  async function refusalOf(token: string, by = worker) {
    const [api, http, rpc] = await Promise.all([by.api(`GET ${KEYS}`, token), by.http({ token }), by.rpc({ token })])
    expect(http.body).toMatchObject({ valid: false, code: rpc.code })
    return { status: api.status, code: rpc.code, detail: api.body.detail }
  }
  const FORGED = 'The token is not signed with a key and an algorithm of its issuer.'
  const unauthenticated = (detail: unknown) => ({ status: 401, code: 'UNAUTHENTICATED', detail })
  const part = (value: object) => base64url.encode(JSON.stringify(value))
  const claims = () => ({
    iss: issuer.issuer,
    aud: 'tollgate',
    sub: 'user_1',
    org_id: customer.externalId,
    exp: now() + 60,
  })

  test.each([
    ['for another audience', { aud: 'somebody else' }, 'The token is for another audience.'],
    ['for no audience', { aud: null }, 'The token is for another audience.'],
    ['for an audience that is no text', { aud: { tollgate: true } }, 'The token is for another audience.'],
    ['after its end', { exp: now() - 1 }, 'The token has expired, or does not say when it does.'],
    ['that never ends', { exp: null }, 'The token has expired, or does not say when it does.'],
    ['before its time', { nbf: now() + 120 }, 'The token is not valid yet.'],
    ['from the future', { iat: now() + 120 }, 'The token is not valid yet.'],
    ['without a user', { sub: null }, 'The token names no user in the configured claim.'],
    ['with an empty user', { sub: '' }, 'The token names no user in the configured claim.'],
    ['without an organization', { org_id: null }, 'The token names no organization in the configured claim.'],
    ['with a number for an organization', { org_id: 7 }, 'The token names no organization in the configured claim.'],
    ['with a list of them', { org_id: ['a'] }, 'The token names no organization in the configured claim.'],
    ['with one that cannot be stored', { org_id: 'a\0b' }, 'The token names no organization in the configured claim.'],
    ['with half a character', { org_id: '\ud800' }, 'The token names no organization in the configured claim.'],
    [
      'with a name of 256 characters',
      { org_id: 'x'.repeat(256) },
      'The token names no organization in the configured claim.',
    ],
  ])('%s', async (_, wrong, detail) => {
    expect(await refusalOf(await good(wrong))).toEqual(unauthenticated(detail))
  })

  test('if its organization is unknown here: 404 by the API, FORBIDDEN as a verdict', async () => {
    expect(await refusalOf(await good({ org_id: `nobody ${crypto.randomUUID()}` }))).toEqual({
      status: 404,
      code: 'FORBIDDEN',
      detail: 'No organization has the external_id that the token names.',
    })
  })

  test('if it names the platform organization, whatever the role', async () => {
    const externalId = `platform ${crypto.randomUUID()}`
    const { sql } = directly()
    await sql.query('update organizations set external_id = $1 where is_platform', [externalId])
    const token = await good({ org_id: externalId, app: { roles: 'chief' } })
    expect(await refusalOf(token)).toMatchObject({ status: 404, code: 'FORBIDDEN' })
    await sql.query('update organizations set external_id = null where is_platform')
  })

  test('without a signature, and with a foreign one', async () => {
    const [header, payload, signature = ''] = (await good()).split('.')
    const none = `${part({ alg: 'none', typ: 'JWT' })}.${payload}.`
    const noneWithKid = `${part({ alg: 'none', kid: 'x' })}.${payload}.${signature}`
    const changed = `${header}.${part({ ...claims(), sub: 'user_2' })}.${signature}`
    expect((await refusalOf(none)).status).toBe(401)
    for (const token of [noneWithKid, changed]) expect(await refusalOf(token)).toEqual(unauthenticated(FORGED))
  })

  test('if it is signed with the public key as a shared secret (RFC 8725 §2.1)', async () => {
    const [jwk] = (await issuer.keys()).keys
    const secrets = [JSON.stringify(jwk), jwk?.x ?? '', base64url.decode(jwk?.x ?? '')]
    for (const secret of secrets) {
      const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret
      const header = { alg: 'HS256', kid: jwk?.kid ?? '' }
      const token = await new SignJWT(claims()).setProtectedHeader(header).sign(bytes)
      expect(await refusalOf(token)).toEqual(unauthenticated(FORGED))
    }
  })

  test('with an unconfigured algorithm, although the issuer publishes the key', async () => {
    const strict = await newIssuer({ algorithms: ['RS256'] })
    const token = await strict.sign({ org_id: customer.externalId })
    expect(await refusalOf(token, deployment(strict))).toEqual(unauthenticated(FORGED))
  })

  test('with a key that it brings along itself, or that another issuer has', async () => {
    const other = await newIssuer()
    const [jwk] = (await other.keys()).keys
    const foreign = await other.sign({ ...claims() })
    const bringing = await other.sign({ ...claims() }, { jwk, jku: other.issuer, kid: jwk?.kid })
    for (const token of [foreign, bringing]) expect(await refusalOf(token)).toEqual(unauthenticated(FORGED))
  })

  test('if its type is wrong, or it has no kid', async () => {
    for (const header of [{ typ: 'logout+jwt' }, { typ: 'dpop+jwt' }, { kid: '' }])
      expect(await refusalOf(await issuer.sign({ org_id: customer.externalId }, header))).toEqual(
        unauthenticated(FORGED),
      )
    for (const header of [{ typ: 'at+jwt' }, { typ: 'application/at+JWT' }])
      expect((await worker.rpc({ token: await issuer.sign({ org_id: customer.externalId }, header) })).valid).toBe(true)
  })

  test('if its issuer is nearly a trusted one', async () => {
    for (const iss of [`${issuer.issuer}/`, issuer.issuer.toUpperCase(), null])
      expect(await refusalOf(await good({ iss }))).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
  })
})

describe('claims are found by their whole name or by a path', () => {
  test.each([
    ['org.id', { 'org.id': true }, { organization_claim: 'org.id' }],
    ['https://acme.com/org', { 'https://acme.com/org': true }, { organization_claim: 'https://acme.com/org' }],
    ['o, id', { o: { id: true } }, { organization_claim: ['o', 'id'] }],
  ])('%s', async (_, shape, settings) => {
    const one = await newIssuer({ ...settings, audience: ['x', 'https://app.acme.com'], audience_claim: 'azp' })
    const named = JSON.parse(JSON.stringify(shape).replace('true', JSON.stringify(customer.externalId)))
    const token = await one.sign({ ...named, azp: 'https://app.acme.com', aud: null })
    expect(await deployment(one).rpc({ token })).toMatchObject({ valid: true, organization_id: customer.id })
  })
})

test('verifying API keys contacts no issuer, whether issuers are down or there are none', async () => {
  const away = await newIssuer()
  await away.fault({ kind: 'status', value: 500 })
  const by = deployment(away)
  const { key } = await newKeyHolder()
  const fetches = await countFetches(away, async () => {
    for (let at = 0; at < 5; at++) expect((await by.verifyKey(key)).valid).toBe(true)
    expect((await by.api(`GET ${KEYS}`, key)).body.code).toBe('forbidden')
    expect((await by.api('GET /api/v1/quotas', key)).status).toBe(200)
  })
  expect(fetches).toBe(0)
})
