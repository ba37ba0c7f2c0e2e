import { describe, expect, test } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, eventually, newKeyHolder, newUser, verify } from '../../support/http.ts'
import { NOWHERE, newIsolate } from '../../support/isolate.ts'
import { mailsTo, mailTo } from '../../support/mail.ts'
import { addMember, ORGANIZATIONS, switchTo } from '../../support/organizations.ts'

const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const { sql } = directly()
const admin = await administrator()

const suspend = (id: string, body: unknown, token = admin) =>
  call(`PUT /api/v1/admin/organizations/${id}/suspension`, { token, body })
const FOR_ABUSE = { suspended: true, reason: 'Abuse of the trial' }
const actsOf = (id: string) =>
  sql.query(`select action, detail from audit_logs where organization_id = $1 and action like 'admin.%' order by id`, [
    id,
  ])

describe('a suspended organization', async () => {
  const holder = await newKeyHolder({}, await newUser({ name: 'Suspect' }))
  const { organizationId: id, token } = holder
  const shut = await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE })
  const reached = [(await verify(holder.key)).body.valid, (await shut.verify(holder.key)).valid]
  const answer = await suspend(id, FOR_ABUSE)

  test('has its keys refused within two seconds, and within thirty while Redis is unreachable', async () => {
    expect(reached).toEqual([true, true])
    expect(answer).toMatchObject({
      status: 200,
      body: { id, suspended_at: expect.any(String), suspended_reason: FOR_ABUSE.reason },
    })
    await eventually(
      () => verify(holder.key),
      ({ body }) => body.code === 'ORGANIZATION_SUSPENDED',
      2_000,
    )
    shut.advance(25_001)
    expect((await shut.verify(holder.key)).code).toBe('ORGANIZATION_SUSPENDED')
    expect((await call('GET /api/v1/quotas', { token: holder.key })).status).toBe(401)
  })

  test('can be read, left and switched to, and keys be revoked; but no key is created and nobody invited', async () => {
    const { body } = await call(`GET ${ORGANIZATIONS}/${id}`, { token })
    expect(body.suspended_at).toBe(answer.body.suspended_at)
    expect((await switchTo(id, token)).status).toBe(200)
    expect((await call('GET /api/v1/auth/api-keys', { token })).status).toBe(200)
    const made = await Promise.all([
      call('POST /api/v1/auth/api-keys', { token, body: { name: 'New' } }),
      call(`POST ${ORGANIZATIONS}/${id}/invitations`, { token, body: { email: 'a@example.com', role: 'viewer' } }),
      call(`POST ${ORGANIZATIONS}/${id}/invitations/${UNKNOWN}/resend`, { token }),
    ])
    for (const { status, body } of made) expect([status, body.code]).toEqual([403, 'organization_suspended'])
    const guest = await newUser()
    await addMember(id, guest.user.id, 'viewer')
    expect((await call(`POST ${ORGANIZATIONS}/${id}/leave`, { token: guest.token })).status).toBe(204)
    expect((await call(`DELETE /api/v1/auth/api-keys/${holder.keyId}`, { token })).status).toBe(204)
  })

  test('has its owners notified once, with the reason, which the audit log keeps, however often it is requested', async () => {
    const mail = await mailTo(holder.email, /^Suspect was suspended/)
    expect(mail.text).toContain(`The reason given: ${FOR_ABUSE.reason}`)
    const before = await sql.query('select version from organizations where id = $1', [id])
    const again = await Promise.all(Array.from({ length: 5 }, () => suspend(id, FOR_ABUSE)))
    for (const { body } of again) expect(body.suspended_at).toBe(answer.body.suspended_at)
    expect(await sql.query('select version from organizations where id = $1', [id])).toEqual(before)
    expect(await actsOf(id)).toEqual([{ action: 'admin.organization_suspended', detail: { reason: FOR_ABUSE.reason } }])
    const { body: log } = await call('GET /api/v1/audit-logs?action=admin.organization_suspended', { token })
    expect(log.data).toMatchObject([{ actor: { type: 'administrator' }, ip: null }])
  })

  test('is an ordinary one again afterwards, and its owners are notified', async () => {
    expect((await suspend(id, { suspended: false })).body).toMatchObject({ suspended_at: null, suspended_reason: null })
    const { status, body } = await call('POST /api/v1/auth/api-keys', { token, body: { name: 'New' } })
    expect(status).toBe(201)
    expect((await verify(body.key)).body.valid).toBe(true)
    await mailTo(holder.email, /^Suspect is no longer suspended/)
    expect((await mailsTo(holder.email)).filter(({ subject }) => /suspended/.test(subject))).toHaveLength(2)
    await suspend(id, { suspended: false })
    expect((await actsOf(id)).map(({ action }) => action)).toEqual([
      'admin.organization_suspended',
      'admin.organization_resumed',
    ])
  })
})

test('a key that was refused for the suspension verifies again within two seconds of its end', async () => {
  const holder = await newKeyHolder()
  await suspend(holder.organizationId, FOR_ABUSE)
  expect((await verify(holder.key)).body.code).toBe('ORGANIZATION_SUSPENDED')
  await suspend(holder.organizationId, { suspended: false })
  await eventually(
    () => verify(holder.key),
    ({ body }) => body.valid,
    2_000,
  )
})

test('an organization suspended for lack of members stays suspended once an administrator suspends it as well', async () => {
  const { user } = await newUser()
  const id: string = user.organization_id
  await call(`POST /api/v1/admin/users/${user.id}/disable`, { token: admin })
  expect((await suspend(id, FOR_ABUSE)).body.suspended_reason).toBe(FOR_ABUSE.reason)
  await call(`POST /api/v1/admin/users/${user.id}/enable`, { token: admin })
  const [row] = await sql.query('select suspended_reason from organizations where id = $1', [id])
  expect(row?.suspended_reason).toBe(FOR_ABUSE.reason)
})

test('the platform is never suspended, an unknown organization is 404, and a reason is required', async () => {
  const [platform] = await sql.query('select id from organizations where is_platform')
  expect((await suspend(platform?.id, FOR_ABUSE)).body.code).toBe('platform_organization')
  expect((await suspend(UNKNOWN, FOR_ABUSE)).body.code).toBe('organization_not_found')
  const { user, token } = await newUser()
  // The last one would end by itself, with the next member who is enabled.
  for (const reason of [undefined, '', 'a\nb', 1, 'members_disabled', ' members_disabled ']) {
    const { status, body } = await suspend(user.organization_id, { suspended: true, reason })
    expect([status, body.errors[0].path]).toEqual([400, 'body.reason'])
  }
  expect((await suspend(user.organization_id, { suspended: 1 })).body.errors[0].path).toBe('body.suspended')
  expect((await suspend(user.organization_id, FOR_ABUSE, token)).status).toBe(404)
  expect(await actsOf(user.organization_id)).toEqual([])
})
