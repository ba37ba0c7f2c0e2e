import { describe, expect, test } from 'vitest'
import { call, newUser } from '../../../support/http.ts'
import { newTwoFactorUser } from '../../../support/two-factor.ts'

const ORIGIN = 'https://tollgate.test'
const COOKIE = /^__Host-session=([\w-]*); Max-Age=(\d+); Path=\/; HttpOnly; Secure; SameSite=Strict$/

/** Calls as a page of a browser does: with its origin and its cookie. */
function browser(
  path: string,
  { body, cookie, origin = ORIGIN }: { body?: unknown; cookie?: string; origin?: string } = {},
) {
  return call(`POST /api/v1/auth/browser/${path}`, {
    body,
    headers: { Origin: origin, ...(cookie && { Cookie: `__Host-session=${cookie}` }) },
  })
}

const cookieIn = (headers: Headers) => COOKIE.exec(headers.get('Set-Cookie') ?? '')?.[1]

async function signedIn() {
  const { email, password } = await newUser()
  const { status, headers, body } = await browser('login', { body: { email, password } })
  expect(status).toBe(200)
  return { email, password, cookie: cookieIn(headers) ?? '', token: body.access_token as string }
}

const profile = (token: string) => call('GET /api/v1/auth/me', { token })

describe('POST /api/v1/auth/browser/login', () => {
  test('returns the access token to the page and puts the refresh token in a cookie that no script can read', async () => {
    const { email, password } = await newUser()
    const { body, headers } = await browser('login', { body: { email, password } })
    expect(body).toEqual({ access_token: expect.any(String), token_type: 'bearer', expires_in: expect.any(Number) })
    expect(headers.get('Set-Cookie')).toMatch(COOKIE)
    expect((await profile(body.access_token)).body.email).toBe(email)
  })

  test('refuses pages of other origins, and requests without an origin, before it checks the password', async () => {
    const { email, password } = await newUser()
    for (const origin of [
      'https://evil.example',
      'https://tollgate.test.evil.example',
      'null',
      'http://tollgate.test',
    ]) {
      const { status, body, headers } = await browser('login', { body: { email, password }, origin })
      expect([origin, status, body.code, headers.get('Set-Cookie')]).toEqual([origin, 403, 'foreign_origin', null])
    }
    const without = await call('POST /api/v1/auth/browser/login', { body: { email, password } })
    expect([without.status, without.body.code]).toEqual([403, 'foreign_origin'])
  })

  test('sets no cookie for a wrong password', async () => {
    const { email } = await newUser()
    const { status, headers } = await browser('login', { body: { email, password: 'a wrong password' } })
    expect([status, headers.get('Set-Cookie')]).toEqual([401, null])
  })

  test('ends the session that the browser had', async () => {
    const before = await signedIn()
    const { email, password } = before
    expect((await browser('login', { body: { email, password }, cookie: before.cookie })).status).toBe(200)
    expect((await profile(before.token)).status).toBe(401)
  })
})

describe('POST /api/v1/auth/browser/2fa/verify', () => {
  test('sets the cookie once the second factor is verified, not before', async () => {
    const person = await newTwoFactorUser()
    const { email, password } = person
    const challenged = await browser('login', { body: { email, password } })
    expect([challenged.status, challenged.headers.get('Set-Cookie')]).toEqual([200, null])
    const body = { challenge_token: challenged.body.challenge_token, code: person.backupCodes[0] }
    const { status, headers, body: tokens } = await browser('2fa/verify', { body })
    expect([status, headers.get('Set-Cookie')]).toEqual([200, expect.stringMatching(COOKIE)])
    expect(tokens.refresh_token).toBeUndefined()
  })
})

describe('POST /api/v1/auth/browser/refresh', () => {
  test('exchanges the cookie for its successor and a new access token', async () => {
    const { cookie, email } = await signedIn()
    const { status, headers, body } = await browser('refresh', { cookie })
    expect([status, body.refresh_token]).toEqual([200, undefined])
    expect(cookieIn(headers)).not.toBe(cookie)
    expect((await profile(body.access_token)).body.email).toBe(email)
  })

  test('gives two tabs that refresh at once tokens of the same session, which stays open', async () => {
    const { cookie } = await signedIn()
    const [one, other] = await Promise.all([browser('refresh', { cookie }), browser('refresh', { cookie })])
    expect([one.status, other.status]).toEqual([200, 200])
    expect(cookieIn(one.headers)).toBe(cookieIn(other.headers))
    expect((await profile(one.body.access_token)).status).toBe(200)
  })

  test('refuses without a cookie, with a foreign one, and for pages of other origins', async () => {
    const { cookie } = await signedIn()
    expect((await browser('refresh')).body.code).toBe('invalid_refresh_token')
    expect((await browser('refresh', { cookie: 'not-a-token' })).body.code).toBe('invalid_refresh_token')
    expect((await browser('refresh', { cookie, origin: 'https://evil.example' })).body.code).toBe('foreign_origin')
    expect((await browser('refresh', { cookie })).status).toBe(200)
  })
})

describe('POST /api/v1/auth/browser/logout', () => {
  test('ends the session and removes the cookie; it also succeeds without a session', async () => {
    const { cookie, token } = await signedIn()
    const { status, headers } = await browser('logout', { cookie })
    expect([status, headers.get('Set-Cookie')]).toEqual([204, expect.stringMatching(/^__Host-session=; Max-Age=0; /)])
    expect((await profile(token)).status).toBe(401)
    expect((await browser('refresh', { cookie })).status).toBe(401)
    expect((await browser('logout')).status).toBe(204)
  })
})

test('no other route accepts the cookie in place of a token', async () => {
  const { cookie } = await signedIn()
  const headers = { Origin: ORIGIN, Cookie: `__Host-session=${cookie}` }
  expect((await call('GET /api/v1/auth/me', { headers })).status).toBe(401)
  expect((await call('POST /api/v1/auth/refresh', { body: {}, headers })).status).toBe(400)
})
