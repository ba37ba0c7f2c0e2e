import { describe, expect, test, vi } from 'vitest'
import { administrator, call, newKeyHolder, newUser } from '../../support/http.ts'
import { makeLink, portalToken, tokenOf } from '../../support/portal.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const ORIGIN = 'https://tollgate.test'
const COOKIE = /^__Host-portal=([\w.-]+); Max-Age=28800; Path=\/; HttpOnly; Secure; SameSite=Strict$/
const CLEARED = /^__Host-portal=; Max-Age=0; Path=\/; (HttpOnly; )?Secure/

interface Page {
  readonly body?: unknown
  readonly cookie?: string
  readonly origin?: string
}

/** Calls as a page of a browser does: with its origin and its cookies. */
const browser = (path: string, { body, cookie, origin = ORIGIN }: Page = {}) =>
  call(`POST /api/v1/auth/browser/${path}`, { body, headers: { Origin: origin, ...(cookie && { Cookie: cookie }) } })

const inPortal = (token: string) => `__Host-portal=${token}`

async function opened(scopes = ['keys:read', 'usage:read']) {
  const { organizationId } = await newKeyHolder()
  const link = await makeLink(organizationId, scopes, { return_url: 'https://app.example.com/settings' })
  const answer = await browser('portal/redeem', { body: { token: tokenOf(link) } })
  expect(answer.status).toBe(200)
  return { organizationId, link, answer, token: answer.body.access_token as string }
}

describe('POST /api/v1/auth/browser/portal/redeem', () => {
  test('exchanges the link once, and keeps the access token in a cookie that no script reads', async () => {
    const { organizationId, link, answer, token } = await opened()
    expect(answer.body).toMatchObject({
      organization_id: organizationId,
      scopes: ['keys:read', 'usage:read'],
      return_url: 'https://app.example.com/settings',
    })
    expect(COOKIE.exec(answer.headers.get('Set-Cookie') ?? '')?.[1]).toBe(token)
    expect((await call('GET /api/v1/auth/api-keys', { token })).status).toBe(200)
    const again = await browser('portal/redeem', { body: { token: tokenOf(link) } })
    expect([again.status, again.body.code, again.headers.get('Set-Cookie')]).toEqual([400, 'portal_link_invalid', null])
  })

  test('refuses pages of other origins, and the link stays valid', async () => {
    const { organizationId } = await newKeyHolder()
    const body = { token: tokenOf(await makeLink(organizationId, ['keys:read'])) }
    const foreign = await browser('portal/redeem', { body, origin: 'https://evil.example' })
    expect([foreign.status, foreign.body.code]).toEqual([403, 'foreign_origin'])
    expect((await call('POST /api/v1/auth/browser/portal/redeem', { body })).body.code).toBe('foreign_origin')
    expect((await browser('portal/redeem', { body })).status).toBe(200)
  })
})

describe('POST /api/v1/auth/browser/portal/resume', () => {
  test('returns what the exchange returned', async () => {
    const { answer, token } = await opened()
    const { status, body } = await browser('portal/resume', { cookie: inPortal(token) })
    expect([status, body]).toEqual([200, { ...answer.body, expires_in: expect.any(Number) }])
    expect(body.expires_in).toBeLessThanOrEqual(28_800)
    expect(body.expires_in).toBeGreaterThan(28_700)
  })

  test('a tab that names another organization gets nothing, and the session stays', async () => {
    const [first, second] = [await opened(), await opened()]
    const cookie = inPortal(second.token)
    const other = await browser(`portal/resume?tab_organization_id=${first.organizationId}`, { cookie })
    expect([other.status, other.body.code, other.headers.get('Set-Cookie')]).toEqual([401, 'portal_session_over', null])
    const left = await browser(`portal/leave?tab_organization_id=${first.organizationId}`, { cookie })
    expect([left.status, left.headers.get('Set-Cookie')]).toEqual([204, null])
    const own = await browser(`portal/resume?tab_organization_id=${second.organizationId}`, { cookie })
    expect(own.body).toMatchObject({ organization_id: second.organizationId, organization_name: expect.any(String) })
    const away = await browser(`portal/leave?tab_organization_id=${second.organizationId}`, { cookie })
    expect(away.headers.get('Set-Cookie')).toMatch(CLEARED)
  })

  test('accepts no cookie, no user token, and no page of another origin', async () => {
    const { token } = await opened()
    const { token: users } = await newUser()
    const none = await browser('portal/resume')
    expect([none.status, none.body.code, none.headers.get('Set-Cookie')]).toEqual([401, 'portal_session_over', null])
    expect((await browser('portal/resume', { cookie: inPortal(users) })).body.code).toBe('portal_session_over')
    const foreign = await browser('portal/resume', { cookie: inPortal(token), origin: 'https://evil.example' })
    expect([foreign.status, foreign.body.code]).toEqual([403, 'foreign_origin'])
  })

  test('removes the cookie once the organization is suspended', async () => {
    const { organizationId, token } = await opened()
    const line = `PUT /api/v1/admin/organizations/${organizationId}/suspension`
    await call(line, { token: await administrator(), body: { suspended: true, reason: 'As agreed' } })
    const { status, body, headers } = await browser('portal/resume', { cookie: inPortal(token) })
    expect([status, body.code, headers.get('Set-Cookie')]).toEqual([
      401,
      'portal_session_over',
      expect.stringMatching(CLEARED),
    ])
  })
})

describe('POST /api/v1/auth/browser/portal/leave', () => {
  test('removes the cookie, only for its own pages', async () => {
    const { status, headers } = await browser('portal/leave')
    expect([status, headers.get('Set-Cookie')]).toEqual([204, expect.stringMatching(CLEARED)])
    expect((await browser('portal/leave', { origin: 'https://evil.example' })).status).toBe(403)
  })
})

test("a signed-in user's session in the same browser is not affected", async () => {
  const { email, password } = await newUser()
  const login = await browser('login', { body: { email, password } })
  const session = (login.headers.get('Set-Cookie') ?? '').split(';', 1)[0]
  const { organizationId } = await newKeyHolder()
  const body = { token: tokenOf(await makeLink(organizationId, ['keys:read'])) }
  const entered = await browser('portal/redeem', { body, cookie: session ?? '' })
  expect(entered.headers.get('Set-Cookie')).not.toContain('__Host-session')
  const cookie = `${session}; ${inPortal(await portalToken(organizationId, ['keys:read']))}`
  const refreshed = await browser('refresh', { cookie })
  expect([refreshed.status, refreshed.headers.get('Set-Cookie')]).toEqual([200, expect.not.stringContaining('portal')])
  expect((await call('GET /api/v1/auth/me', { token: refreshed.body.access_token })).body.email).toBe(email)
})
