import { describe, expect, test } from 'vitest'
import { enforceRateLimits } from '../../../src/limits/endpoint-limits.ts'
import { keyWith, platformOrganization } from '../../isolation/world.ts'
import { directly, send } from '../../support/direct.ts'
import { call, newKeyHolder, newUser, randomIp } from '../../support/http.ts'

const LOGIN = 'POST /api/v1/auth/login'
const SCOPE = 'platform:users:write'
const platform = await platformOrganization()
const key = await keyWith(platform, [SCOPE])
const { sql } = directly()

const named = (address: string, serviceKey: string = key) => ({
  'Tollgate-Client-IP': address,
  'Tollgate-Service-Key': serviceKey,
})

/** An address that no other test names. */
function freshV6(): string {
  const [a, b, c] = crypto.getRandomValues(new Uint16Array(3))
  return `2001:db8:${[a, b, c].map((group) => ((group ?? 0) | 0x1000).toString(16)).join(':')}::9`
}

describe('a back end with a service key', () => {
  test('names the address of the person who signs in: the session, the audit row and the response have it', async () => {
    const [person, address] = [await newUser(), freshV6()]
    const upper = address.toUpperCase().replace('::', ':0:0:')
    const { email, password } = person
    const answer = await call(LOGIN, { body: { email, password }, headers: named(upper), ip: randomIp() })
    expect(answer.status).toBe(200)
    const { body } = await call('GET /api/v1/auth/sessions', { token: answer.body.access_token })
    expect(body.data.find((one: { is_current: boolean }) => one.is_current)).toMatchObject({ ip: address })
    const [row] = await sql.query(
      `select ip, detail from audit_logs where actor_id = $1 and action = 'login.succeeded' order by id desc limit 1`,
      [person.user.id],
    )
    expect(row).toMatchObject({ ip: address, detail: { address_named_by: expect.any(String) } })
  })

  test('is not treated as one address by the limits: one person is throttled, the next is not', async () => {
    const [throttled, other] = [randomIp(), randomIp()]
    const limits = Array.from({ length: 300 }, () =>
      enforceRateLimits(directly(), { login_address: { address: throttled } }),
    )
    await Promise.all(limits)
    const attempt = (address: string, ip: string) =>
      call(LOGIN, { body: { email: 'nobody@example.com', password: 'wrong guess' }, headers: named(address), ip })
    const server = randomIp()
    expect((await attempt(throttled, server)).body.code).toBe('rate_limited')
    expect((await attempt(`::ffff:${throttled}`, server)).body.code).toBe('rate_limited')
    expect((await attempt(other, server)).body.code).toBe('invalid_credentials')
    expect((await attempt(other, throttled)).body.code).toBe('invalid_credentials')
  })

  test('may also send the token of the person on whose behalf it acts', async () => {
    const [person, address] = [await newUser(), freshV6()]
    const renamed = { token: person.token, body: { name: 'Ada' }, headers: named(address) }
    expect((await call('PUT /api/v1/auth/me', renamed)).status).toBe(200)
    const [row] = await sql.query(
      `select ip from audit_logs where actor_id = $1 and action = 'account.updated' order by id desc limit 1`,
      [person.user.id],
    )
    expect(row).toEqual({ ip: address })
  })
})

describe('the address is refused, and nothing is done,', () => {
  const attempt = (headers: Record<string, string>) =>
    call(LOGIN, { body: { email: 'nobody@example.com', password: 'wrong guess' }, headers })

  test('without a key', async () => {
    const { status, body } = await attempt({ 'Tollgate-Client-IP': '192.0.2.1' })
    expect({ status, code: body.code }).toEqual({ status: 401, code: 'unauthenticated' })
    expect(body.detail).toBe(`Tollgate-Service-Key must hold a valid service key with ${SCOPE}.`)
    expect(body.type).toMatch(/^https:/)
  })

  test('with an unknown key, or a customer’s key whatever its scopes', async () => {
    const { organizationId } = await newKeyHolder()
    const foreign = await keyWith(organizationId, [SCOPE, 'platform:*', '*'])
    for (const one of [foreign, 'ck_live_nothing', 'x', `${key}x`])
      expect((await attempt(named('192.0.2.1', one))).body).toMatchObject({ status: 401, code: 'unauthenticated' })
  })

  test('with a service key that lacks the scope', async () => {
    for (const scopes of [[], ['platform:verify'], ['platform:users:read'], ['tollgate:*']]) {
      const { status, body } = await attempt(named('192.0.2.1', await keyWith(platform, scopes)))
      expect({ status, detail: body.detail }).toEqual({ status: 403, detail: `The key needs the scope ${SCOPE}.` })
    }
  })

  test.each([
    ['', 'empty'],
    ['192.0.2', 'too short'],
    ['192.0.2.01', 'ambiguous'],
    ['192.0.2.1, 198.51.100.1', 'a list'],
    ['192.0.2.1:443', 'with a port'],
    ['[2001:db8::1]', 'in brackets'],
    ['2001:db8::1%eth0', 'with a zone'],
    ['2001:db8::/64', 'a block'],
    ['unknown', 'a word'],
  ])('when it is not an address: %j (%s)', async (address) => {
    const { status, body } = await attempt(named(address))
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'invalid_request' })
    expect(body.errors).toEqual([{ path: 'header.Tollgate-Client-IP', message: 'must be one IPv4 or IPv6 address' }])
  })

  test('when the key comes without it', async () => {
    const { status, body } = await attempt({ 'Tollgate-Service-Key': key })
    expect({ status, errors: body.errors }).toEqual({
      status: 400,
      errors: [{ path: 'header.Tollgate-Service-Key', message: 'goes with Tollgate-Client-IP, which is missing' }],
    })
  })
})

test('pages of other origins cannot send either header', async () => {
  const { headers } = await send(`OPTIONS ${LOGIN.split(' ')[1]}`, {
    headers: {
      Origin: 'https://app.example.com',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'tollgate-client-ip,tollgate-service-key',
    },
  })
  expect(headers.get('Access-Control-Allow-Origin')).toBe('https://app.example.com')
  expect(headers.get('Access-Control-Allow-Headers')?.toLowerCase()).not.toContain('tollgate')
})

describe('what cannot count is refused, not dropped', () => {
  test('a verification takes neither an address nor an actor in a header', async () => {
    const { key: customerKey } = await newKeyHolder()
    const verifier = await keyWith(platform, ['platform:verify'])
    const ask = (headers: Record<string, string>) =>
      call('POST /api/v1/keys/verify', { token: verifier, body: { key: customerKey }, headers })
    expect((await ask({})).body).toMatchObject({ code: 'VALID' })
    for (const header of ['Tollgate-Client-IP', 'Tollgate-Actor'])
      expect(await ask({ [header]: '192.0.2.1' })).toMatchObject({
        status: 400,
        body: { code: 'invalid_request', errors: [{ path: `header.${header}` }] },
      })
  })

  test('a route that anyone may call accepts no actor', async () => {
    const actor = { 'Tollgate-Actor': 'ada@customer.example' }
    const { email, password } = await newUser()
    const login = await call(LOGIN, { body: { email, password }, headers: actor })
    const plans = await call('GET /api/v1/billing/plans', { headers: actor })
    for (const { status, body } of [login, plans])
      expect([status, body.code, body.errors?.[0].path]).toEqual([400, 'invalid_request', 'header.Tollgate-Actor'])
  })
})

test('a service key that is bound to addresses verifies only from those', async () => {
  const bound = await keyWith(platform, ['platform:verify'])
  await sql.query(`update api_keys set allowed_ips = '{192.0.2.9}' where key_hash = sha256(convert_to($1, 'UTF8'))`, [
    bound,
  ])
  const { key: customerKey } = await newKeyHolder()
  const ask = (ip: string) => call('POST /api/v1/keys/verify', { token: bound, body: { key: customerKey }, ip })
  expect((await ask('192.0.2.8')).status).toBe(401)
  expect((await ask('192.0.2.9')).body.code).toBe('VALID')
})
