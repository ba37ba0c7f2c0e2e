import { describe, expect, test } from 'vitest'
import { openSession } from '../../../src/accounts/sessions/open.ts'
import { eraseFromUsage } from '../../../src/privacy/erase-usage.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, eventually, newKeyHolder, newUser, registeredUser, verify } from '../../support/http.ts'
import { managementDeps } from '../../support/management.ts'
import { subscribe } from '../../support/organizations.ts'

const ME = '/api/v1/auth/me'
const EXPORT = `GET ${ME}/export`
const { sql } = directly()

const leave = (person: { token: string; password: string }, more: Record<string, unknown> = {}) =>
  call(`DELETE ${ME}`, { token: person.token, body: { password: person.password, ...more } })
const login = (email: string, password: string) => call('POST /api/v1/auth/login', { body: { email, password } })
const join = (organizationId: string, userId: string, role: string) =>
  sql.query('insert into memberships (organization_id, user_id, role) values ($1, $2, $3)', [
    organizationId,
    userId,
    role,
  ])
const existing = async (table: string, id: string) =>
  (await sql.query(`select id from ${table} where id = $1`, [id])).length === 1
const auditsOf = async (userId: string, action: string) =>
  sql.query('select * from audit_logs where actor_id = $1 and action = $2 order by id', [userId, action])

describe('DELETE /api/v1/auth/me', () => {
  test('★ 7.4.2 deleting an account ends all its sessions, and the keys of its own organization', async () => {
    const person = await newKeyHolder()
    const other = (await login(person.email, person.password)).body
    expect((await verify(person.key)).body.valid).toBe(true)
    expect(await leave(person)).toMatchObject({ status: 204, body: '' })
    for (const token of [person.token, other.access_token]) {
      expect((await call(`GET ${ME}`, { token })).status).toBe(401)
    }
    const refreshed = await call('POST /api/v1/auth/refresh', { body: { refresh_token: other.refresh_token } })
    expect(refreshed.status).toBe(401)
    await eventually(
      () => verify(person.key),
      ({ body }) => body.code === 'NOT_FOUND',
      2_000,
    )
    expect((await login(person.email, person.password)).status).toBe(401)
    expect(await existing('organizations', person.organizationId)).toBe(false)
  })

  test('the address is free again, and its next owner is a different user', async () => {
    const person = await newUser()
    await leave(person)
    const body = { email: person.email, password: 'a completely new phrase' }
    const registered = await call('POST /api/v1/auth/register', { body })
    expect(registered.status).toBe(201)
    expect(registered.body.id).not.toBe(person.user.id)
    expect((await login(body.email, body.password)).status).toBe(200)
  })

  test('needs the current password, and changes nothing without it', async () => {
    const person = await newUser()
    for (const password of ['not the password', `${person.password} `]) {
      expect(await leave(person, { password })).toMatchObject({ status: 403, body: { code: 'wrong_password' } })
    }
    const without = await call(`DELETE ${ME}`, { token: person.token, body: {} })
    expect(without.body.errors).toMatchObject([{ path: 'body.password' }])
    expect((await call(`GET ${ME}`, { token: person.token })).status).toBe(200)
    expect(await auditsOf(person.user.id, 'account.deleted')).toEqual([])
  })

  test('needs a code as well if a second factor is enabled', async () => {
    const person = await newUser()
    await sql.query(
      `insert into totp_credentials (user_id, secret_encrypted, enabled_at) values ($1, decode('00', 'hex'), now())`,
      [person.user.id],
    )
    const without = await leave(person)
    expect(without).toMatchObject({ status: 400, body: { errors: [{ path: 'body.code' }] } })
    const wrong = await leave(person, { code: 'aaaaaa-aaaaaa-aaaaaa-aaaaaa' })
    expect(wrong).toMatchObject({ status: 403, body: { code: 'invalid_code' } })
    expect(await existing('users', person.user.id)).toBe(true)
  })

  test('the only owner of an organization with other members is asked to hand it over, by name', async () => {
    const [owner, member] = [await newUser({ name: 'Handover' }), await newUser()]
    const id = owner.user.organization_id
    await join(id, member.user.id, 'admin')
    const refused = await leave(owner)
    expect(refused).toMatchObject({ status: 409, body: { code: 'last_owner' } })
    expect(refused.body.errors).toEqual([{ path: `organizations.${id}`, message: 'Handover has no other owner' }])
    expect(await auditsOf(owner.user.id, 'account.deleted')).toEqual([])
    await sql.query(`update memberships set role = 'owner' where user_id = $1 and organization_id = $2`, [
      member.user.id,
      id,
    ])
    expect((await leave(owner)).status).toBe(204)
    expect(await existing('organizations', id)).toBe(true)
  })

  test('a disabled owner does not count: the last active one cannot leave', async () => {
    const [owner, disabled] = [await newUser(), await newUser()]
    await join(owner.user.organization_id, disabled.user.id, 'owner')
    await sql.query('update users set is_active = false where id = $1', [disabled.user.id])
    expect((await leave(owner)).body.code).toBe('last_owner')
  })

  test('an organization that was not created for one person is never deleted with a person', async () => {
    const founder = await newUser({ organization: 'Acme' })
    expect((await leave(founder)).body.code).toBe('last_owner')
  })

  test('of two owners who leave at once exactly one succeeds', { timeout: 20_000 }, async () => {
    for (let round = 0; round < 2; round++) {
      const [first, second] = await Promise.all([newUser(), newUser({ organization: 'Shared' })])
      const shared = second.user.organization_id
      await join(shared, first.user.id, 'owner')
      const statuses = (await Promise.all([leave(first), leave(second)])).map(({ status }) => status)
      expect(new Set(statuses)).toEqual(new Set([204, 409]))
      expect(await sql.query('select 1 from memberships where organization_id = $1', [shared])).toHaveLength(1)
    }
  })

  test('ten concurrent requests delete and audit once', async () => {
    const person = await newUser()
    const answers = await Promise.all(Array.from({ length: 10 }, () => leave(person)))
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1)
    for (const { status } of answers) expect([204, 401, 403]).toContain(status)
    expect(await auditsOf(person.user.id, 'account.deleted')).toHaveLength(1)
  })

  test('it succeeds without a deadlock while somebody signs in many times at once', async () => {
    const person = await newUser()
    const deps = managementDeps(directly())
    const signIns = Array.from({ length: 10 }, () => openSession(deps, person.user.id, { factors: ['password'] }))
    const [left, ...opened] = await Promise.allSettled([leave(person), ...signIns])
    expect(left).toMatchObject({ value: { status: 204 } })
    const failed = opened.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))
    expect(failed.filter((code) => code !== 'invalid_credentials')).toEqual([])
  })

  test("it is refused while the person's organization has a running subscription, until that is canceled", async () => {
    const person = await newUser({ name: 'Payer' })
    const id = person.user.organization_id
    await subscribe(id, 'active')
    const refused = await leave(person)
    expect(refused).toMatchObject({ status: 409, body: { code: 'subscription_active' } })
    expect(refused.body.errors).toEqual([{ path: `organizations.${id}`, message: 'Payer has a subscription' }])
    expect(await existing('users', person.user.id)).toBe(true)
    await sql.query('update subscriptions set cancel_at_period_end = true where organization_id = $1', [id])
    expect((await leave(person)).status).toBe(204)
  })

  test('keys in remaining organizations belong to nobody from then on, and keep working', async () => {
    const [host, guest] = [await newUser(), await newUser()]
    await join(host.user.organization_id, guest.user.id, 'member')
    const body = { name: 'Of a guest', organization_id: host.user.organization_id }
    const { body: issued } = await call('POST /api/v1/auth/api-keys', { token: guest.token, body })
    expect((await verify(issued.key)).body).toMatchObject({ valid: true, user_id: guest.user.id })
    expect((await leave(guest)).status).toBe(204)
    await eventually(
      () => verify(issued.key),
      (answer) => answer.body.user_id === null,
      2_000,
    )
    expect((await verify(issued.key)).body.valid).toBe(true)
  })

  test("usage sums and the audit log stay; events of the person's organization no longer contain personal data", async () => {
    const person = await newKeyHolder()
    await verify(person.key, { endpoint: '/v1/answers', ip: '192.0.2.7', user_agent: 'Somebody’s phone' })
    const events = () => sql.query('select * from usage_events where organization_id = $1', [person.organizationId])
    await eventually(events, (rows) => rows.length > 0)
    const [before] = await events()
    expect(before?.ip).toBe('192.0.2.7')
    expect((await leave(person)).status).toBe(204)
    const longAgo = Date.UTC(2000, 0, 1) // so that it comes first, and others wait
    await sql.query('update usage_erasures set deleted_at = $2 where organization_id = $1', [
      person.organizationId,
      new Date(longAgo).toISOString(),
    ])
    await eraseFromUsage(directly(), longAgo + 3_600_000)
    for (const row of await events()) expect(row).toMatchObject({ user_id: null, ip: null, user_agent: null })
    const sums = await sql.query('select * from usage_hourly where organization_id = $1', [person.organizationId])
    expect(sums.length).toBeGreaterThan(0)
    expect(await auditsOf(person.user.id, 'key.issued')).toHaveLength(1)
  })

  test('a stranger, a key and a support session cannot delete anybody', async () => {
    const person = await newKeyHolder()
    expect((await call(`DELETE ${ME}`, { body: { password: person.password } })).status).toBe(401)
    expect((await leave({ ...person, token: person.key })).body.code).toBe('user_only')
    const support = await call(`POST /api/v1/admin/users/${person.user.id}/impersonate`, {
      token: await administrator(),
      body: { reason: 'Ticket 1' },
    })
    const answer = await leave({ ...person, token: support.body.access_token })
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden_while_impersonating' } })
    expect(await existing('users', person.user.id)).toBe(true)
  })
})

describe('GET /api/v1/auth/me/export', () => {
  test('★ 14.2.2 the copy is a file that is never cached', async () => {
    const { headers } = await call(EXPORT, { token: (await newUser()).token })
    expect(headers.get('Cache-Control')).toContain('no-store')
    expect(headers.get('Content-Disposition')).toMatch(/^attachment; filename="tollgate-account-[\d-]{10}\.json"$/)
  })

  test('it contains everything about me: profile, memberships, sessions, keys, actions and usage', async () => {
    const person = await newKeyHolder({ metadata: { team: 1 } }, await registeredUser())
    await verify(person.key)
    await eventually(
      () => sql.query('select 1 from usage_hourly where organization_id = $1', [person.organizationId]),
      (rows) => rows.length > 0,
    )
    const { status, body } = await call(EXPORT, { token: person.token })
    expect(status).toBe(200)
    expect(body.profile).toMatchObject({ id: person.user.id, email: person.email })
    expect(body.memberships).toMatchObject([{ organization_id: person.organizationId, role: 'owner' }])
    expect(body.sessions).toMatchObject([{ ended_at: null, is_support: false }])
    expect(body.api_keys).toMatchObject([{ id: person.keyId, metadata: { team: 1 } }])
    const acts = body.audit_logs.map(({ action }: { action: string }) => action)
    expect(acts.toSorted()).toEqual(['account.exported', 'account.registered', 'key.issued', 'login.succeeded'])
    expect(body.usage).toMatchObject([{ organization_id: person.organizationId, api_calls: 1 }])
  })

  test('★ 15.3.1 it contains no password, key, hash or token, and nothing of anybody else', async () => {
    const [person, other] = [await newKeyHolder(), await newKeyHolder()]
    const copy = JSON.stringify((await call(EXPORT, { token: person.token })).body)
    expect(copy).not.toMatch(/hash|argon2|secret/i)
    for (const part of [person.key, person.token, person.refreshToken]) expect(copy).not.toContain(part)
    for (const part of [other.user.id, other.email, other.organizationId, other.keyId]) expect(copy).not.toContain(part)
  })

  test('★ 15.2.2 five copies an hour are created, and no more even if twenty are requested at once', async () => {
    const person = await newUser()
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(EXPORT, { token: person.token })))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5)
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(15)
    expect(Number(refused[0]?.headers.get('Retry-After'))).toBeGreaterThan(0)
    expect(await auditsOf(person.user.id, 'account.exported')).toHaveLength(5)
  })

  test('neither a stranger nor a key gets one', async () => {
    const { key } = await newKeyHolder()
    expect((await call(EXPORT)).status).toBe(401)
    expect(await call(EXPORT, { token: key })).toMatchObject({ status: 403, body: { code: 'user_only' } })
  })
})
