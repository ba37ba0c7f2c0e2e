import { sql as drizzleSql } from 'drizzle-orm'
import { describe, expect, inject, test } from 'vitest'
import { openSession } from '../../../src/accounts/sessions/open.ts'
import { mayBeDisabled } from '../../../src/admin/users/queries.ts'
import { app } from '../../../src/app.ts'
import { requireThat, tryBatch } from '../../../src/db/batch.ts'
import { lockOrganizationsAround } from '../../../src/db/locks.ts'
import { ormOver } from '../../../src/db/orm.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, eventually, newKeyHolder, newUser, verify } from '../../support/http.ts'
import { managementDeps } from '../../support/management.ts'

const USERS = '/api/v1/admin/users'
const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const deps = directly()
const { sql } = deps
const db = ormOver(sql)
const token = await administrator()
const me = (await call('GET /api/v1/auth/me', { token })).body

const get = (path: string) => call(`GET /api/v1/admin/${path}`, { token })
const act = (userId: string, verb: string, body?: unknown, as = token) =>
  call(`POST ${USERS}/${userId}/${verb}`, { token: as, ...(body !== undefined && { body }) })
const setPlan = (organizationId: string, plan: unknown) =>
  call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, { token, body: { plan } })
const ids = ({ body }: { body: { data: { id: string }[] } }) => body.data.map(({ id }) => id)
const auditsAbout = (targetId: string) =>
  sql.query('select * from audit_logs where target_id = $1 order by id', [targetId])
const mailsTo = (email: string) => sql.query('select subject from mail_outbox where recipient = $1', [email])
const enableTwoFactor = (userId: string) =>
  sql.query(
    `insert into totp_credentials (user_id, secret_encrypted, enabled_at) values ($1, decode('00', 'hex'), now())`,
    [userId],
  )

/** A second administrator, a target for what the first one may not do to themselves. */
async function newAdministrator() {
  const person = await newUser()
  await sql.query(
    `insert into memberships (organization_id, user_id, role) select id, $1, 'admin' from organizations where is_platform`,
    [person.user.id],
  )
  return person
}

const person = await newUser({ name: 'Ada 100%_sure\\' })
const plain = await newUser({ name: 'plain' })
const holder = await newKeyHolder({ scopes: ['tollgate:audit:read', 'tollgate:keys:write'] })
const everyRoute: [string, unknown][] = [
  [`GET ${USERS}`, undefined],
  [`GET ${USERS}/${person.user.id}`, undefined],
  [`POST ${USERS}/${person.user.id}/disable`, {}],
  [`POST ${USERS}/${person.user.id}/enable`, {}],
  [`POST ${USERS}/${person.user.id}/logout`, {}],
  [`POST ${USERS}/${person.user.id}/two-factor/reset`, { reason: 'x' }],
  [`POST ${USERS}/${person.user.id}/impersonate`, { reason: 'x' }],
  ['GET /api/v1/admin/organizations', undefined],
  [`PUT /api/v1/admin/organizations/${person.user.organization_id}/plan`, { plan: 'pro' }],
  [`PUT /api/v1/admin/organizations/${person.user.organization_id}/quotas`, {}],
  ['GET /api/v1/admin/audit-logs', undefined],
]

describe('★ 8.2.1 the administration', () => {
  test.each(everyRoute)('%s does not exist for anybody but an administrator', async (line, body) => {
    const options = body === undefined ? {} : { body }
    expect((await call(line, options)).status).toBe(401)
    for (const as of [holder.token, person.token])
      expect(await call(line, { ...options, token: as })).toMatchObject({ status: 404, body: { code: 'not_found' } })
    for (const as of [holder.key, inject('credentials').service_key])
      expect(await call(line, { ...options, token: as })).toMatchObject({ status: 403 })
    expect((await get(`users/${person.user.id}`)).body).toMatchObject({ is_active: true })
  })

  test('★ 8.3.2 is closed immediately to a former administrator', async () => {
    const former = await newAdministrator()
    expect((await call(`GET ${USERS}`, { token: former.token })).status).toBe(200)
    await sql.query(`update memberships set role = 'member' where user_id = $1 and role = 'admin'`, [former.user.id])
    expect((await call(`GET ${USERS}`, { token: former.token })).status).toBe(404)
  })

  test('is closed to an administrator without a second factor where one is required, and to nobody else', async () => {
    const admin = await newAdministrator()
    const ask = async (as: string, path = USERS, body?: object) => {
      const headers = { Authorization: `Bearer ${as}`, 'Content-Type': 'application/json' }
      const sent = body && { method: 'POST', body: JSON.stringify(body) }
      const request = new Request(`https://tollgate.test${path}`, { headers, ...sent })
      const env = { ...(await import('cloudflare:workers')).env, ADMIN_REQUIRES_TWO_FACTOR: 'true' }
      const context = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} }
      const answer = await app.fetch(request, env, context)
      return { status: answer.status, body: await answer.json() }
    }
    expect(await ask(admin.token)).toMatchObject({ status: 403, body: { code: 'two_factor_required' } })
    expect(await ask(person.token)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect((await ask(admin.token, '/api/v1/auth/me')).status).toBe(200)
    const [platform] = await sql.query('select id from organizations where is_platform')
    const serviceKey = { name: 'By the members’ route', organization_id: platform?.id, scopes: ['platform:*'] }
    const minted = await ask(admin.token, '/api/v1/auth/api-keys', serviceKey)
    expect(minted).toMatchObject({ status: 403, body: { code: 'two_factor_required' } })
    await enableTwoFactor(admin.user.id)
    expect((await ask(admin.token)).status).toBe(200)
  })
})

describe('GET /api/v1/admin/users', () => {
  test('★ 15.3.1 returns what an administrator needs, and no secret', async () => {
    const { body } = await get(`users/${person.user.id}`)
    expect(body).toEqual({
      id: person.user.id,
      email: person.email,
      name: person.user.name,
      is_active: true,
      is_verified: false,
      is_administrator: false,
      two_factor_enabled: false,
      organizations: [{ id: person.user.organization_id, name: person.user.name, role: 'owner', plan: 'free' }],
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    const list = await get('users')
    expect(list.headers.get('Cache-Control')).toContain('no-store')
    expect(JSON.stringify(list.body)).not.toMatch(/hash|argon2|secret/i)
    expect(await get(`users/${UNKNOWN}`)).toMatchObject({ status: 404, body: { code: 'user_not_found' } })
  })

  test('pages newest first, each once', async () => {
    for (let count = 0; count < 3; count++) await newUser()
    const seen: string[] = []
    for (let cursor = ''; seen.length < 6; ) {
      const { body } = await get(`users?limit=2${cursor}`)
      seen.push(...ids({ body }))
      cursor = `&cursor=${body.next_cursor}`
      if (!body.next_cursor) break
    }
    expect(seen).toEqual(seen.toSorted().toReversed())
    expect(new Set(seen).size).toBe(seen.length)
  })

  test.each([
    ['100%_sure\\', true],
    ['ada 100', true],
    ['100_', false],
    ['1%sure', false],
    ['%', true],
    ["'; drop table users; --", false],
  ])('searches a part of name or address, without wildcards: %s', async (text, isFound) => {
    const answer = await get(`users?limit=100&search=${encodeURIComponent(text)}`)
    expect(answer.status).toBe(200)
    expect(ids(answer).includes(person.user.id)).toBe(isFound)
    expect(ids(answer)).not.toContain(plain.user.id)
  })

  test('filters by state, plan and organization', async () => {
    const one = await newUser()
    await setPlan(one.user.organization_id, 'pro')
    await sql.query('update users set email_verified_at = now() where id = $1', [one.user.id])
    await enableTwoFactor(one.user.id)
    await act(one.user.id, 'disable', {})
    const matching = [
      'is_active=false',
      'is_verified=true',
      'two_factor_enabled=true',
      'plan=pro',
      `organization_id=${one.user.organization_id}`,
    ]
    for (const filter of [...matching, matching.join('&')])
      expect(ids(await get(`users?limit=100&${filter}`)), filter).toContain(one.user.id)
    for (const filter of ['is_active=true', 'is_verified=false', 'two_factor_enabled=false', 'plan=free'])
      expect(ids(await get(`users?limit=100&${filter}`)), filter).not.toContain(one.user.id)
  })

  test.each(['limit=101', 'limit=0', 'is_active=yes', 'organization_id=x', 'cursor=x', 'search=', 'search=%00'])(
    '★ 15.2.2 %s is refused with the name of the parameter',
    async (query) => {
      const { status, body } = await get(`users?${query}`)
      expect(status).toBe(400)
      expect(body.errors[0].path).toBe(`query.${query.split('=')[0]}`)
    },
  )
})

describe('POST /api/v1/admin/users/{id}/disable', () => {
  test('★ 7.4.2 ends every session and stops keys that belong to nobody else; enabling restores the keys', async () => {
    const holder = await newKeyHolder()
    expect((await act(holder.user.id, 'disable', { reason: 'Abuse' })).body).toMatchObject({ is_active: false })
    expect((await call('GET /api/v1/auth/me', { token: holder.token })).status).toBe(401)
    const { email, password, refreshToken } = holder
    expect((await call('POST /api/v1/auth/refresh', { body: { refresh_token: refreshToken } })).status).toBe(401)
    const login = () => call('POST /api/v1/auth/login', { body: { email, password } })
    expect(await login()).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
    await eventually(
      () => verify(holder.key),
      ({ body }) => body.code === 'ORGANIZATION_SUSPENDED',
      2_000,
    )

    expect((await act(holder.user.id, 'enable')).body).toMatchObject({ is_active: true })
    await eventually(
      () => verify(holder.key),
      ({ body }) => body.valid,
      2_000,
    )
    expect((await call('GET /api/v1/auth/me', { token: holder.token })).status).toBe(401)
    expect((await login()).status).toBe(200)
    const subjects = (await mailsTo(email)).map(({ subject }) => subject)
    expect(subjects).toEqual(
      expect.arrayContaining([expect.stringContaining('disabled'), expect.stringContaining('enabled')]),
    )
  })

  test('keys of an organization with other active members keep working', async () => {
    const [holder, colleague] = [await newKeyHolder(), await newUser()]
    await sql.query(`insert into memberships (organization_id, user_id, role) values ($1, $2, 'member')`, [
      holder.organizationId,
      colleague.user.id,
    ])
    await act(holder.user.id, 'disable')
    expect((await verify(holder.key)).body.valid).toBe(true)
    await act(colleague.user.id, 'disable')
    await eventually(
      () => verify(holder.key),
      ({ body }) => !body.valid,
      2_000,
    )
  })

  test('is audited once with actor, target, reason and address, however many concurrent requests there are', async () => {
    const one = await newUser()
    const answers = await Promise.all(Array.from({ length: 5 }, () => act(one.user.id, 'disable', { reason: 'Abuse' })))
    for (const { status } of answers) expect([200, 409]).toContain(status)
    const rows = (await auditsAbout(one.user.id)).filter(({ action }) => action === 'admin.user_disabled')
    expect(rows).toMatchObject([
      { actor_type: 'administrator', actor_id: me.id, organization_id: null, detail: { reason: 'Abuse' } },
    ])
    expect(rows[0]).toMatchObject({ result: 'success', ip: expect.any(String), request_id: expect.any(String) })
  })

  test('does not deadlock with many concurrent sign-ins of the user', async () => {
    const one = await newUser()
    const origin = managementDeps(deps)
    for (const verb of ['disable', 'enable']) {
      const signIns = Array.from({ length: 10 }, () => openSession(origin, one.user.id, { factors: ['password'] }))
      const [answer, ...opened] = await Promise.allSettled([act(one.user.id, verb), ...signIns])
      expect(answer).toMatchObject({ value: { status: 200 } })
      const failed = opened.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))
      expect(failed.filter((code) => code !== 'invalid_credentials')).toEqual([])
    }
  })

  test('an administrator cannot disable their own account', async () => {
    expect(await act(me.id, 'disable')).toMatchObject({ status: 409, body: { code: 'own_account' } })
  })

  test('the last active administrator cannot be disabled; any other can', async () => {
    const last = (await newAdministrator()).user.id
    /** The decision alone. The last requirement rolls everything back, since other tests need their administrator. */
    const tryDisabling = (isLast: boolean) =>
      tryBatch(db, {
        lock: lockOrganizationsAround(db, last),
        others: db.execute(drizzleSql`update users set is_active = not ${isLast} where id <> ${last} and is_active`),
        allowed: requireThat(db, mayBeDisabled(last), 'administrator_protected'),
        undo: requireThat(db, drizzleSql`false`),
      })
    await expect(tryDisabling(true)).rejects.toMatchObject({ code: 'administrator_protected' })
    expect(await tryDisabling(false)).toBeUndefined()
    expect((await act(last, 'disable')).body.is_active).toBe(false)
  })
})

describe('POST /api/v1/admin/users/{id}/logout, /two-factor/reset', () => {
  test('a logout ends all sessions, but not the account', async () => {
    const one = await newUser()
    expect(await act(one.user.id, 'logout')).toMatchObject({ status: 204, body: '' })
    expect((await call('GET /api/v1/auth/me', { token: one.token })).status).toBe(401)
    expect((await call('POST /api/v1/auth/login', { body: { email: one.email, password: one.password } })).status).toBe(
      200,
    )
    expect((await auditsAbout(one.user.id)).at(-1)).toMatchObject({ action: 'admin.user_logged_out' })
  })

  test('a second factor is reset with a reason, an audit row and an email, and never by its own user', async () => {
    const one = await newUser()
    expect((await act(one.user.id, 'two-factor/reset', { reason: 'x' })).body.code).toBe('two_factor_not_enabled')
    await enableTwoFactor(one.user.id)
    expect((await act(one.user.id, 'two-factor/reset', {})).body.errors).toMatchObject([{ path: 'body.reason' }])
    const reason = 'Lost phone, passport seen'
    expect((await act(one.user.id, 'two-factor/reset', { reason })).status).toBe(204)
    expect((await get(`users/${one.user.id}`)).body.two_factor_enabled).toBe(false)
    expect((await call('GET /api/v1/auth/me', { token: one.token })).status).toBe(401)
    expect((await auditsAbout(one.user.id)).at(-1)).toMatchObject({
      action: 'admin.two_factor_reset',
      detail: { reason },
    })
    expect(await mailsTo(one.email)).toContainEqual({ subject: expect.stringContaining('Two-factor') })
    expect((await act(me.id, 'two-factor/reset', { reason })).body.code).toBe('own_account')
  })

  test.each(['disable', 'enable', 'logout', 'two-factor/reset', 'impersonate'])('%s of nobody is 404', async (verb) => {
    expect((await act(UNKNOWN, verb, { reason: 'x' })).body.code).toBe('user_not_found')
  })
})
