import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser } from '../../../support/http.ts'
import { openApi } from '../../../support/openapi.ts'
import { makeStale } from '../../../support/stale-session.ts'
import { newTwoFactorUser } from '../../../support/two-factor.ts'

const ME = 'GET /api/v1/auth/me'
const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const { sql } = directly()
const token = await administrator()
const admin = (await call(ME, { token })).body
const { operations } = await openApi()

const impersonate = (userId: string, body: unknown = { reason: 'Ticket 42' }, as = token) =>
  call(`POST /api/v1/admin/users/${userId}/impersonate`, { token: as, body })
const claimsOf = (accessToken: string) => JSON.parse(atob(accessToken.split('.')[1] ?? ''))
const auditsAbout = (userId: string) =>
  sql.query(`select * from audit_logs where target_id = $1 and action = 'admin.impersonated' order by id`, [userId])

/** A second administrator, who can be demoted and disabled. */
async function newAdministrator() {
  const person = await newUser()
  await sql.query(
    `insert into memberships (organization_id, user_id, role) select id, $1, 'admin' from organizations where is_platform`,
    [person.user.id],
  )
  return person
}

const holder = await newKeyHolder()
const support = (await impersonate(holder.user.id)).body

describe('a support session', () => {
  test('acts as the user for fifteen minutes, names the administrator, and cannot be prolonged', async () => {
    expect(support).toEqual({ access_token: expect.any(String), token_type: 'bearer', expires_in: 900 })
    const claims = claimsOf(support.access_token)
    expect(claims).toMatchObject({ sub: holder.user.id, act: { sub: admin.id } })
    expect(claims.exp - claims.iat).toBe(900)
    expect((await call(ME, { token: support.access_token })).body).toMatchObject({ id: holder.user.id })
    const tokens = await sql.query('select 1 from refresh_tokens where session_id = $1', [claims.sid])
    expect(tokens).toEqual([])
  })

  test('ends after fifteen minutes, even if clocks differ', async () => {
    const { body } = await impersonate(holder.user.id)
    const start = Date.now()
    try {
      vi.useFakeTimers({ toFake: ['Date'], now: start + 14 * 60_000 })
      expect((await call(ME, { token: body.access_token })).status).toBe(200)
      vi.setSystemTime(start + 15 * 60_000 + 1_000)
      expect((await call(ME, { token: body.access_token })).status).toBe(401)
    } finally {
      vi.useRealTimers()
    }
  })

  test('an ordinary token names no administrator, and is not accepted for a support session', async () => {
    expect(claimsOf(holder.token)).not.toHaveProperty('act')
    const { sid } = claimsOf(holder.token)
    await sql.query('update sessions set impersonator_id = $1 where id = $2', [admin.id, sid])
    expect((await call(ME, { token: holder.token })).status).toBe(401)
    await sql.query('update sessions set impersonator_id = null where id = $1', [sid])
    expect((await call(ME, { token: holder.token })).status).toBe(200)
  })

  test('leaves an email, and an audit row with the reason that the organization may read, but not the address', async () => {
    const rows = await auditsAbout(holder.user.id)
    expect(rows[0]).toMatchObject({ actor_id: admin.id, detail: { reason: 'Ticket 42' } })
    const { body } = await call('GET /api/v1/audit-logs?action=admin.impersonated', { token: holder.token })
    expect(body.data.at(-1)).toMatchObject({
      actor: { type: 'administrator', id: admin.id },
      detail: { reason: 'Ticket 42' },
      ip: null,
      user_agent: null,
    })
    const mails = await sql.query('select subject from mail_outbox where recipient = $1', [holder.email])
    expect(mails).toContainEqual({ subject: expect.stringContaining('Support') })
  })

  test('is not a device of the user’s, and ends when they end their other sessions', async () => {
    const person = await newUser()
    const { body } = await impersonate(person.user.id)
    const { sid } = claimsOf(body.access_token)
    const list = (await call('GET /api/v1/auth/sessions', { token: person.token })).body.data
    expect(list).not.toContainEqual(expect.objectContaining({ id: sid }))
    expect((await call('DELETE /api/v1/auth/sessions', { token: person.token })).status).toBe(204)
    expect((await call(ME, { token: body.access_token })).status).toBe(401)
  })
})

describe('★ 8.2.1 in a support session', () => {
  const guarded = operations.filter(
    ({ allow, responses }) =>
      allow !== 'anyone' && JSON.stringify(responses['403'] ?? '').includes('forbidden_while_impersonating'),
  )

  test('credentials and security settings are out of reach, on every route that touches them', () => {
    expect(guarded.map(({ line }) => line)).toEqual(
      expect.arrayContaining([
        'PUT /api/v1/auth/me',
        'DELETE /api/v1/auth/me',
        'GET /api/v1/auth/me/export',
        'POST /api/v1/auth/password/change',
        'PUT /api/v1/auth/password',
        'POST /api/v1/auth/2fa/setup',
        'POST /api/v1/auth/2fa/enable',
        'POST /api/v1/auth/2fa/disable',
        'POST /api/v1/auth/2fa/backup-codes',
        'DELETE /api/v1/auth/sessions',
        'DELETE /api/v1/auth/sessions/{id}',
        'POST /api/v1/auth/api-keys',
        'POST /api/v1/auth/api-keys/generate',
        'DELETE /api/v1/auth/api-keys/{id}',
      ]),
    )
  })

  test('nothing changes but the organization it acts for', () => {
    const isOfPeople = ({ allow }: { allow: string }) => !['anyone', 'administrator'].includes(allow)
    const changes = operations.filter((one) => !one.line.startsWith('GET') && isOfPeople(one))
    const others = changes.filter(({ line }) => !guarded.some((one) => one.line === line))
    expect(others.map(({ line }) => line)).toEqual(['POST /api/v1/organizations/{organization_id}/switch'])
  })

  test.each(guarded.map(({ line }) => [line]))('%s is refused, and does nothing', async (line) => {
    const path = line
      .replace('{organization_id}', holder.organizationId)
      .replaceAll(/\{\w+\}/g, line.includes('api-keys') ? holder.keyId : UNKNOWN)
    const body = line.startsWith('GET') ? {} : { body: {} }
    const answer = await call(path, { token: support.access_token, ...body })
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden_while_impersonating' } })
  })

  test('nothing changed by that: password, name and key are as before', async () => {
    const { email, password } = holder
    expect((await call('POST /api/v1/auth/login', { body: { email, password } })).status).toBe(200)
    const { body } = await call(`GET /api/v1/auth/api-keys/${holder.keyId}`, { token: support.access_token })
    expect(body).toMatchObject({ is_active: true })
  })

  test('the admin API does not exist, whoever is behind it', async () => {
    expect((await call('GET /api/v1/admin/users', { token: support.access_token })).status).toBe(404)
    expect((await impersonate(holder.user.id, undefined, support.access_token)).status).toBe(404)
  })
})

describe('nobody can impersonate', () => {
  test('an administrator, whether another or oneself', async () => {
    const other = await newAdministrator()
    for (const id of [other.user.id, admin.id])
      expect(await impersonate(id)).toMatchObject({ status: 409, body: { code: 'administrator_protected' } })
    expect(await auditsAbout(other.user.id)).toEqual([])
  })

  test('a disabled or unknown user', async () => {
    const person = await newUser()
    await call(`POST /api/v1/admin/users/${person.user.id}/disable`, { token })
    expect((await impersonate(person.user.id)).body.code).toBe('user_disabled')
    expect((await impersonate(UNKNOWN)).body.code).toBe('user_not_found')
  })

  test.each([
    [{}],
    [{ reason: '' }],
    [{ reason: ' ' }],
    [{ reason: 'x'.repeat(501) }],
    [{ reason: 'a\nb' }],
    [{ reason: 1 }],
  ])('a user without a good reason: %j', async (body) => {
    const answer = await impersonate(holder.user.id, body)
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'body.reason' }] } })
  })

  test('★ 8.3.2 a user once they are no longer an administrator, or disabled, or signed out by another', async () => {
    const ends = {
      demoted: (id: string) =>
        sql.query(`update memberships set role = 'member' where user_id = $1 and role = 'admin'`, [id]),
      disabled: (id: string) => call(`POST /api/v1/admin/users/${id}/disable`, { token }),
      signedOut: (id: string) => call(`POST /api/v1/admin/users/${id}/logout`, { token }),
    }
    for (const end of Object.values(ends)) {
      const other = await newAdministrator()
      const { body } = await impersonate(holder.user.id, undefined, other.token)
      expect((await call(ME, { token: body.access_token })).status).toBe(200)
      await end(other.user.id)
      expect((await call(ME, { token: body.access_token })).status).toBe(401)
    }
  })
})

describe('an administrator whose sign-in is older than fifteen minutes', () => {
  /** Signed in an hour ago, with a second factor. */
  async function longSignedIn() {
    const person = await newTwoFactorUser()
    await sql.query(
      `insert into memberships (organization_id, user_id, role) select id, $1, 'admin' from organizations where is_platform`,
      [person.user.id],
    )
    await makeStale(person.user.id)
    return person
  }

  test.each(['impersonate', 'two-factor/reset'])('must give a password or code before %s', async (act) => {
    const [person, target] = [await longSignedIn(), await newTwoFactorUser()]
    const ask = (proof: object) =>
      call(`POST /api/v1/admin/users/${target.user.id}/${act}`, {
        token: person.token,
        body: { reason: 'Ticket 42', ...proof },
      })
    expect((await ask({})).body.code).toBe('reauthentication_required')
    expect((await ask({ password: 'another password' })).body.code).toBe('wrong_password')
    expect((await ask({ code: '000000' })).body.code).toBe('invalid_code')
    expect((await ask({ code: person.backupCodes[0] })).status).toBeLessThan(300)
  })

  test('may send the password as well', async () => {
    const [person, target] = [await longSignedIn(), await newUser()]
    const { status } = await impersonate(target.user.id, { reason: 'x', password: person.password }, person.token)
    expect(status).toBe(200)
  })
})
