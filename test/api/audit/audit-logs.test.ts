import { describe, expect, test, vi } from 'vitest'
import { AUDIT_ACTIONS } from '../../../src/audit/actions.ts'
import { audited } from '../../../src/audit/record.ts'
import { ormOver } from '../../../src/db/orm.ts'
import { log } from '../../../src/lib/log.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser, registeredUser, setLimits } from '../../support/http.ts'

const LOGS = 'GET /api/v1/audit-logs'
const ALL = 'GET /api/v1/admin/audit-logs'
const deps = directly()
const { sql } = deps
const token = await administrator()
const adminId = (await call('GET /api/v1/auth/me', { token })).body.id

interface Row {
  readonly id: string
  readonly action: string
  readonly detail: Record<string, unknown>
  readonly [name: string]: unknown
}

const rowsOf = async (query = '', as = token, list = LOGS): Promise<Row[]> =>
  (await call(`${list}?limit=100${query}`, { token: as })).body.data
const rowsOfActor = (id: string) => rowsOf(`&actor_id=${id}`, token, ALL)
const actsOf = (rows: readonly Row[]) => rows.map(({ action }) => action)

const holder = await newKeyHolder({ scopes: ['a:b'] }, await registeredUser())

describe('GET /api/v1/audit-logs: what is done leaves a row', () => {
  test('with actor, action, target, address, request, outcome and time', async () => {
    const ip = '192.0.2.77'
    const headers = { 'User-Agent': 'A phone/1.0' }
    const answer = await call('POST /api/v1/auth/api-keys', {
      token: holder.token,
      body: { name: 'Seen' },
      ip,
      headers,
    })
    const [row] = await rowsOf('&action=key.issued', holder.token)
    expect(row).toEqual({
      id: expect.any(String),
      organization_id: holder.organizationId,
      action: 'key.issued',
      actor: { type: 'user', id: holder.user.id },
      target: { type: 'key', id: answer.body.id },
      result: 'success',
      ip,
      user_agent: 'A phone/1.0',
      request_id: answer.headers.get('X-Request-Id'),
      detail: { name: 'Seen', environment: 'live', scopes: [] },
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
    expect(JSON.stringify(await rowsOf('', holder.token))).not.toContain(answer.body.key)
  })

  test('when somebody registers, signs in, renames themselves, changes their password and signs out', async () => {
    const person = await registeredUser()
    const { token: mine } = person
    await call('PUT /api/v1/auth/me', { token: mine, body: { name: 'New' } })
    const passwords = { current_password: person.password, new_password: 'a completely new phrase' }
    await call('POST /api/v1/auth/password/change', { token: mine, body: passwords })
    await call('POST /api/v1/auth/logout', { token: mine })
    await call('POST /api/v1/auth/logout', { token: mine })
    const rows = (await rowsOfActor(person.user.id)).toReversed()
    expect(actsOf(rows)).toEqual([
      'account.registered',
      'login.succeeded',
      'account.updated',
      'password.changed',
      'session.ended',
    ])
    expect(rows[1]?.detail).toEqual({ factors: ['password'] })
    expect(rows[4]?.detail).toEqual({ reason: 'logout' })
    for (const row of rows) expect(row).toMatchObject({ organization_id: person.user.organization_id })
  })

  test('when a sign-in fails; only administrators learn whether the address is known', async () => {
    const person = await newUser()
    const ip = '192.0.2.78'
    for (const email of [person.email, `nobody-${crypto.randomUUID()}@example.com`])
      await call('POST /api/v1/auth/login', { body: { email, password: 'not the password' }, ip })
    const failed = (await rowsOf('&action=login.failed', token, ALL)).filter((row) => row.ip === ip)
    expect(failed.map(({ detail }) => detail.email_known)).toEqual([false, true])
    for (const row of failed)
      expect(row).toMatchObject({ organization_id: null, target: null, result: 'failure', actor: { id: null } })
    expect(JSON.stringify(failed)).not.toContain(person.email)
    expect(await rowsOf('&action=login.failed', person.token)).toEqual([])
  })

  test('when a refresh token is used twice', async () => {
    const person = await newUser()
    const refresh = (refresh_token: string) => call('POST /api/v1/auth/refresh', { body: { refresh_token } })
    const second = (await refresh(person.refreshToken)).body
    await refresh(second.refresh_token)
    await refresh(person.refreshToken)
    const rows = await rowsOf(`&action=session.ended&organization_id=${person.user.organization_id}`, token, ALL)
    expect(rows).toMatchObject([
      {
        result: 'failure',
        actor: { type: 'system' },
        detail: { reason: 'refresh_token_reused', user_id: person.user.id },
      },
    ])
  })

  test('when an administrator sets limits: the values, without the address', async () => {
    const person = await newUser()
    await setLimits(person.user.organization_id, { api_calls: 7, queries: null, organization_limits: [] })
    const [row] = await rowsOf('', person.token)
    expect(row).toMatchObject({
      action: 'organization.limits_changed',
      actor: { type: 'administrator', id: adminId },
      detail: { limits: { api_calls: 7, queries: null, organization_limits: null } },
      ip: null,
    })
    const [same] = await rowsOf(`&organization_id=${person.user.organization_id}`, token, ALL)
    expect(same).toMatchObject({ id: row?.id, ip: expect.any(String) })
  })

  test('once, however many concurrent requests revoke the same key, and not for refused requests', async () => {
    const one = await newKeyHolder()
    const path = `/api/v1/auth/api-keys/${one.keyId}`
    const answers = await Promise.all(Array.from({ length: 10 }, () => call(`DELETE ${path}`, { token: one.token })))
    for (const { status } of answers) expect(status).toBe(204)
    expect(await rowsOf('&action=key.revoked', one.token)).toHaveLength(1)
    await setLimits(one.organizationId, { max_api_keys: 1 })
    const body = { name: 'Of many' }
    const issued = await Promise.all(
      Array.from({ length: 5 }, () => call('POST /api/v1/auth/api-keys', { token: one.token, body })),
    )
    expect(issued.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(await rowsOf('&action=key.issued', one.token)).toHaveLength(2)
  })
})

describe('GET /api/v1/audit-logs, /admin/audit-logs', () => {
  test('★ 8.2.1 is readable by owners, admins and keys with the scope; never across organizations', async () => {
    const person = await newUser()
    const values = [holder.organizationId, person.user.id]
    for (const [role, status] of Object.entries({ viewer: 403, member: 403, admin: 200, owner: 200 })) {
      await sql.query(
        `insert into memberships (organization_id, user_id, role) values ($1, $2, $3)
         on conflict (organization_id, user_id) do update set role = $3`,
        [...values, role],
      )
      const answer = await call(`${LOGS}?organization_id=${holder.organizationId}`, { token: person.token })
      expect([role, answer.status]).toEqual([role, status])
    }
    await sql.query('delete from memberships where organization_id = $1 and user_id = $2', values)

    const stranger = person
    const foreign = await call(`${LOGS}?organization_id=${holder.organizationId}`, { token: stranger.token })
    expect(foreign).toMatchObject({ status: 404, body: { code: 'organization_not_found' } })
    expect((await call(LOGS)).status).toBe(401)
    expect((await call(LOGS, { token: holder.key })).body.code).toBe('forbidden')
    const body = { name: 'Reader', scopes: ['tollgate:audit:read'] }
    const reader = (await call('POST /api/v1/auth/api-keys', { token: holder.token, body })).body.key
    expect((await call(LOGS, { token: reader })).status).toBe(200)
    for (const as of [holder.token, stranger.token]) expect((await call(ALL, { token: as })).status).toBe(404)
  })

  test('★ 14.2.2 is never cached', async () => {
    for (const [list, as] of [
      [LOGS, holder.token],
      [ALL, token],
    ] as const)
      expect((await call(list, { token: as })).headers.get('Cache-Control')).toContain('no-store')
  })

  test('pages newest first, each row once, while rows are added', async () => {
    const person = await newUser()
    for (let count = 0; count < 6; count++)
      await call('PUT /api/v1/auth/me', { token: person.token, body: { name: `${count}` } })
    const before = await rowsOf('', person.token)
    const seen: Row[] = []
    for (let cursor = ''; ; ) {
      const { body } = await call(`${LOGS}?limit=3${cursor}`, { token: person.token })
      seen.push(...body.data)
      await call('PUT /api/v1/auth/me', { token: person.token, body: { name: 'Meanwhile' } })
      if (!body.next_cursor) break
      cursor = `&cursor=${body.next_cursor}`
    }
    expect(seen).toEqual(before)
    expect(seen.map(({ id }) => id)).toEqual(
      seen
        .map(({ id }) => id)
        .toSorted()
        .toReversed(),
    )
  })

  test('filters by action, actor, target, result and time, including the first moment and excluding the last', async () => {
    const rows = await rowsOf('', holder.token)
    const at = String(rows[0]?.created_at)
    expect(await rowsOf(`&from=${at}`, holder.token)).toMatchObject([{ id: rows[0]?.id }])
    expect((await rowsOf(`&to=${at}`, holder.token))[0]?.id).toBe(rows[1]?.id)
    expect(actsOf(await rowsOf('&action=account.registered', holder.token))).toEqual(['account.registered'])
    expect(await rowsOf(`&actor_id=${adminId}`, holder.token)).toEqual([])
    expect(await rowsOf('&result=failure', holder.token)).toEqual([])
    expect(actsOf(await rowsOf(`&target_id=${holder.keyId}`, holder.token))).toEqual(['key.issued'])
    expect(await rowsOf(`&target_id=${adminId}`, holder.token)).toEqual([])
  })

  test.each([
    'action=nothing',
    'actor_id=1',
    'result=maybe',
    'from=yesterday',
    'from=0000-01-01T00:00:00Z',
    'to=1',
    'cursor=x',
    'limit=101',
  ])('★ 15.2.2 %s is refused with the name of the parameter', async (query) => {
    for (const [list, as] of [
      [LOGS, holder.token],
      [ALL, token],
    ] as const) {
      const { status, body } = await call(`${list}?${query}`, { token: as })
      expect(status).toBe(400)
      expect(body.errors[0].path).toBe(`query.${query.split('=')[0]}`)
    }
  })
})

describe('GET /api/v1/audit-logs: what is written', () => {
  test('cannot be changed, deleted or truncated, enforced by the database itself (16.4.2)', async () => {
    const rows = await rowsOf('', holder.token)
    for (const statement of [
      `update audit_logs set result = 'failure' where id = '${rows[0]?.id}'`,
      `delete from audit_logs where organization_id = '${holder.organizationId}'`,
      'truncate audit_logs',
    ])
      await expect(sql.query(statement)).rejects.toMatchObject({ code: '42501' })
    expect(await rowsOf('', holder.token)).toEqual(rows)
  })

  test('stays one row and one line of JSON whatever a client calls itself (16.4.1)', async () => {
    const userAgent = 'x\r\n{"level":"error"}\u001b[31m\u2028"\'; drop table audit_logs; --'
    const db = ormOver(sql)
    const origin = { requestId: 'request of a test', ip: undefined, userAgent }
    await audited(
      { ...deps, db, origin },
      { action: 'account.updated', actor: holder.user.id, organizationId: holder.organizationId },
    )
    const [row] = await rowsOf('&action=account.updated', holder.token)
    expect(row?.user_agent).toBe(userAgent)
    const written = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    log('warn', 'of_a_test', { user_agent: userAgent })
    const [[line = ''] = []] = written.mock.calls as string[][]
    written.mockRestore()
    expect(line).not.toMatch(/[\r\n\u001b]/)
    expect(JSON.parse(line).user_agent).toBe(userAgent)
  })

  test('every action has a human-readable sentence and a unique name', () => {
    for (const [act, what] of Object.entries(AUDIT_ACTIONS)) {
      expect(act).toMatch(/^[a-z_]+\.[a-z_]+$/)
      expect(what).toMatch(/^[A-Z].*\.$/)
    }
  })

  test('a signed-in caller who is refused is in the log (16.3.2)', async () => {
    const written = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    await call(ALL, { token: holder.token })
    const lines = (written.mock.calls as string[][]).map(([line = '']) => JSON.parse(line))
    written.mockRestore()
    expect(lines).toContainEqual(
      expect.objectContaining({
        event: 'access_refused',
        code: 'not_found',
        user_id: holder.user.id,
        path: '/api/v1/admin/audit-logs',
      }),
    )
  })
})
