import { env } from 'cloudflare:workers'
import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { withoutRequestId } from '../../support/direct.ts'
import { call, newUser } from '../../support/http.ts'

const person = await newUser()
const [header = '', payload = '', signature = ''] = person.token.split('.')
const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
const secret = new TextEncoder().encode(String((env as unknown as Record<string, unknown>).JWT_SECRET_KEY))

const part = (value: unknown) =>
  btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
const signed = (more: Record<string, unknown>, head: Record<string, unknown> = {}, key = secret) =>
  new SignJWT({ ...claims, ...more }).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', ...head }).sign(key)

const me = (token: string) => call('GET /api/v1/auth/me', { token })
const missing = (claim: string) => signed({ [claim]: undefined })
const now = Math.floor(Date.now() / 1000)

describe('an access token', () => {
  test('is accepted if Tollgate signed it as it is, claim by claim', async () => {
    expect((await me(person.token)).status).toBe(200)
    expect((await me(await signed({}))).status).toBe(200)
  })

  test.each<[string, () => string | Promise<string>]>([
    ['without a signature', () => `${header}.${payload}.`],
    ['with two parts', () => `${header}.${payload}`],
    ['with another signature', () => `${header}.${payload}.${signature.split('').toReversed().join('')}`],
    ['with another payload', () => `${header}.${part({ ...claims, sub: crypto.randomUUID() })}.${signature}`],
    ['with the algorithm none', () => `${part({ alg: 'none', typ: 'at+jwt' })}.${payload}.`],
    ['with the algorithm noNE', () => `${part({ alg: 'noNE', typ: 'at+jwt' })}.${payload}.${signature}`],
    ['with another algorithm of the same family', () => signed({}, { alg: 'HS512' })],
    ['with an algorithm of public keys', () => `${part({ alg: 'RS256', typ: 'at+jwt' })}.${payload}.${signature}`],
    [
      'signed with another secret',
      () => signed({}, {}, new TextEncoder().encode('another secret of at least 32 bytes')),
    ],
    ['signed with an empty secret', () => signed({}, {}, new Uint8Array(32))],
    ['that brings its own key', () => signed({}, { jwk: { kty: 'oct', k: 'AAAA' } }, new Uint8Array(32))],
    ['that says where its key is', () => signed({}, { jku: 'https://evil.example/jwks' }, new Uint8Array(32))],
    ['that names an unknown critical extension', () => `${part({ alg: 'HS256', crit: ['x'], x: 1 })}.${payload}.x`],
    ['of the plain type JWT', () => signed({}, { typ: 'JWT' })],
    ['of no type', () => signed({}, { typ: undefined })],
    ['for another audience', () => signed({ aud: 'elsewhere' })],
    ['without an audience', () => missing('aud')],
    ['of another issuer', () => signed({ iss: 'https://evil.example' })],
    ['without an issuer', () => missing('iss')],
    ['without an expiry', () => missing('exp')],
    ['without a time of issue', () => missing('iat')],
    ['without a subject', () => missing('sub')],
    ['without a session', () => missing('sid')],
    ['that has expired', () => signed({ iat: now - 3600, exp: now - 1800 })],
    ['that is not good yet', () => signed({ nbf: now + 3600 })],
    ['issued in the future', () => signed({ iat: now + 3600, exp: now + 5400 })],
    ['that wants to live for years', () => signed({ iat: now - 86_400, exp: now + 86_400_000 })],
    ['with text as expiry', () => signed({ exp: 'never' })],
    ['with a session of nobody', () => signed({ sid: crypto.randomUUID() })],
    ['with the session of somebody else', () => signed({ sub: crypto.randomUUID() })],
    ['with SQL as session', () => signed({ sid: "' or 1=1 --" })],
    ['followed by more', () => `${person.token}.${signature}`],
    ['with padding', () => `${person.token}=`],
    ['of 8 KB', () => `${header}.${'x'.repeat(8_192)}.${signature}`],
  ])('%s is refused like any other wrong token', async (_, make) => {
    const [answer, reference] = await Promise.all([me(await make()), me('a.b.c')])
    expect(answer.status).toBe(401)
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Bearer/)
    expect(withoutRequestId(answer.body)).toEqual(withoutRequestId(reference.body))
  })

  test.each([
    ['a refresh token', person.refreshToken],
    ['nonsense', 'nonsense'],
    ['an email address', person.email],
  ])('is not %s', async (_, token) => {
    expect(await me(token)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  })

  test("grants nothing by itself: an organization in its claims that is not the user's gives no access", async () => {
    const { user } = await newUser()
    const answer = await call('GET /api/v1/quotas', { token: await signed({ org: user.organization_id }) })
    if (answer.status === 200) {
      expect((await me(await signed({ org: user.organization_id }))).body.organization_id).not.toBe(
        user.organization_id,
      )
    } else expect([401, 403, 404]).toContain(answer.status)
  })
})
