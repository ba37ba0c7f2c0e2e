import { describe, expect, test, vi } from 'vitest'
import { newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { call, verify } from '../../support/http.ts'
import { decide, granted, newApplication, newRequest, post, untilRefused } from '../../support/oauth.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const refusalOf = ({ status, body }: { status: number; body: any }) => [status, body.error]
const INVALID_GRANT = [400, 'invalid_grant']

test("a stranger's form is limited to the size that codes and tokens need", async () => {
  const fields = Array.from({ length: 9_000 }, (_, at) => `${at.toString(36)}=1`).join('&')
  const send = (body: string) =>
    call('POST /oauth/token', { body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })
  expect((await send(fields)).status).toBe(413)
  expect(refusalOf(await send('grant_type=refresh_token&grant_type=x'))).toEqual([400, 'invalid_request'])
})

describe('an access token', () => {
  test('is verified, metered and shown as a key of the organization', async () => {
    const { person, client, exchange } = await granted()
    const { status, body, headers } = await exchange()
    expect([status, headers.get('Cache-Control')]).toEqual([200, 'no-store'])
    expect(body).toEqual({
      access_token: expect.stringMatching(/^oat_live_[0-9A-Za-z]{49}$/),
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'reports:read',
      refresh_token: expect.stringMatching(/^ort_[0-9a-f]{32}_0_[\w-]{43}$/),
    })
    const verdict = await verify(body.access_token, { scopes: ['reports:read'] })
    expect(verdict.body).toMatchObject({ valid: true, organization_id: person.user.organization_id })
    expect((await verify(body.access_token, { scopes: ['reports:write'] })).body.valid).toBe(false)
    const { body: keys } = await call('GET /api/v1/auth/api-keys', { token: person.token })
    expect(keys.data).toMatchObject([{ name: 'Reporter', client_id: client.client_id, created_by: person.user.id }])
    const acts = await sql.query(
      `select actor_id, detail from audit_logs where action = 'grant.created' and target_id = $1`,
      [verdict.body.key_id],
    )
    expect(acts).toMatchObject([
      { actor_id: person.user.id, detail: { client_name: 'Reporter', scopes: ['reports:read'], resource: null } },
    ])
  })

  test("does not count toward the plan's keys, and only its application renews it", async () => {
    const { person, exchange } = await granted()
    await exchange()
    const list = (await call('GET /api/v1/auth/api-keys', { token: person.token })).body.data
    await sql.query(`update organizations set limit_overrides = '{"max_api_keys": 1}' where id = $1`, [
      person.user.organization_id,
    ])
    expect((await call('POST /api/v1/auth/api-keys', { token: person.token, body: { name: 'Own' } })).status).toBe(201)
    const path = `/api/v1/auth/api-keys/${list[0].id}`
    const rotated = await call(`POST ${path}/rotate`, { token: person.token, body: {} })
    const prolonged = await call(`PATCH ${path}`, { token: person.token, body: { expires_at: null } })
    const widened = await call(`PATCH ${path}`, { token: person.token, body: { scopes: ['reports:read', 'a:b'] } })
    const redirected = await call(`PATCH ${path}`, {
      token: person.token,
      body: { metadata: { resource: 'https://x.example' } },
    })
    for (const { status, body } of [rotated, prolonged, widened, redirected])
      expect([status, body.code]).toEqual([409, 'key_of_application'])
    const renamed = await call(`PATCH ${path}`, {
      token: person.token,
      body: { name: 'Reports', custom_rate_limit: 5 },
    })
    expect(renamed.status).toBe(200)
  })

  test('acts in the management API within its scopes, and within the role of the person who agreed', async () => {
    const { exchange } = await granted({ scope: 'tollgate:usage:events' })
    const { body } = await exchange()
    const get = (path: string) => call(`GET /api/v1/${path}`, { token: body.access_token })
    expect((await get('usage/events')).status).toBe(200)
    expect((await get('auth/api-keys')).body.code).toBe('forbidden')
    const { client, person } = await granted()
    await sql.query(`update memberships set role = 'member' where user_id = $1`, [person.user.id])
    const wide = newRequest(client, { scope: 'tollgate:audit:read' }).request
    expect((await decide(person, wide)).body.code).toBe('forbidden')
  })

  test('is described to a service key, and to nobody else', async () => {
    const { person, client, exchange } = await granted({ resource: 'https://mcp.example.com/mcp' })
    const { body } = await exchange()
    const { key } = await newServiceKey('platform:verify')
    const ask = (token: string, by = key) => post('introspect', { token }, { Authorization: `Bearer ${by}` })
    expect((await ask(body.access_token)).body).toEqual({
      active: true,
      scope: 'reports:read',
      client_id: client.client_id,
      token_type: 'Bearer',
      exp: expect.any(Number),
      iat: expect.any(Number),
      sub: person.user.id,
      iss: 'https://tollgate.test',
      jti: expect.any(String),
      organization_id: person.user.organization_id,
      aud: 'https://mcp.example.com/mcp',
    })
    expect((await ask(body.refresh_token)).body).toEqual({ active: false })
    expect((await ask('oat_live_nonsense')).body).toEqual({ active: false })
    expect(refusalOf(await ask(body.access_token, person.token))).toEqual([403, 'invalid_request'])
    expect((await verify(body.access_token)).body.metadata ?? {}).toEqual({ resource: 'https://mcp.example.com/mcp' })
  })
})

describe('a code', () => {
  test.each([
    ['the proof of another request', { code_verifier: 'x'.repeat(43) }],
    ['no proof', { code_verifier: undefined }],
    ['another address', { redirect_uri: 'https://app.example.com/other' }],
    ['another code', { code: 'oac_nonsense' }],
    ['no code', { code: undefined }],
  ])('is refused with %s, and still good after it', async (_, fields) => {
    const { exchange } = await granted()
    expect(refusalOf(await exchange(fields))).toEqual(INVALID_GRANT)
    expect((await exchange()).status).toBe(200)
  })

  test('works only for its application', async () => {
    const { exchange } = await granted()
    const other = await newApplication()
    expect(refusalOf(await exchange({ client_id: other.client_id }))).toEqual(INVALID_GRANT)
  })

  test('works once: a second use ends what the first one got (ASVS 10.4.2)', async () => {
    const { exchange } = await granted()
    const { body } = await exchange()
    expect((await verify(body.access_token)).body.valid).toBe(true)
    expect(refusalOf(await exchange())).toEqual(INVALID_GRANT)
    await untilRefused(body.access_token)
  })

  test('leaves tokens of at most one of two concurrent uses', async () => {
    const { exchange, person } = await granted()
    const answers = await Promise.all([exchange(), exchange(), exchange()])
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
    const rows = await sql.query(`select 1 from oauth_grants where user_id = $1`, [person.user.id])
    expect(rows).toHaveLength(1)
  })

  test('expires after a minute (ASVS 10.4.3)', async () => {
    const { exchange, person } = await granted()
    await sql.query(`update oauth_codes set expires_at = now() where user_id = $1`, [person.user.id])
    expect(refusalOf(await exchange())).toEqual(INVALID_GRANT)
  })

  test.each([
    ['is no member any more', 'delete from memberships where user_id = $1'],
    ['may issue no keys any more', `update memberships set role = 'viewer' where user_id = $1`],
    ['is disabled', 'update users set is_active = false where id = $1'],
  ])('is worthless once the person %s', async (_, change) => {
    const { exchange, refresh, person } = await granted()
    const again = await granted()
    const { body } = await again.exchange()
    for (const { id } of [person.user, again.person.user]) await sql.query(change, [id])
    expect(refusalOf(await exchange())).toEqual(INVALID_GRANT)
    expect(refusalOf(await again.refresh(body.refresh_token))).toEqual(INVALID_GRANT)
    expect(refusalOf(await refresh('ort_nonsense'))).toEqual(INVALID_GRANT)
  })
})
