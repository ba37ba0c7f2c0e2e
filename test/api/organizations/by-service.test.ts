import { describe, expect, test, vi } from 'vitest'
import { newCustomer, newPeopleless, newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newUser } from '../../support/http.ts'
import { mailTo, tokenIn } from '../../support/mail.ts'
import { addMember, rolesIn } from '../../support/organizations.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const { id: keyId, key: service } = await newServiceKey('platform:organizations:*')
const newEmail = () => `invited-${crypto.randomUUID()}@example.com`

const lastRow = async (organizationId: string, action: string) => {
  const [row] = await sql.query(
    `select actor_type, actor_id, detail from audit_logs where organization_id = $1 and action = $2 order by id desc`,
    [organizationId, action],
  )
  return row
}

describe.each([
  ['a service key', { token: service, actor: { actor_type: 'service', actor_id: keyId } }],
  ['an administrator who is no member', { token: await administrator(), actor: { actor_type: 'administrator' } }],
] as const)('%s', (_, { token, actor }) => {
  test('invites anybody by the external id, and the email names no inviter', async () => {
    const { organizationId, encoded } = await newCustomer()
    const path = `/api/v1/organizations/external_id:${encoded}/invitations`
    const [email, headers] = [newEmail(), { 'Idempotency-Key': crypto.randomUUID() }]
    const ask = () => call(`POST ${path}`, { token, headers, body: { email, role: 'owner' } })
    const [sent, again] = [await ask(), await ask()]
    expect(sent).toMatchObject({ status: 201, body: { email, role: 'owner', status: 'pending', invited_by: null } })
    expect([again.status, again.body, again.headers.get('Idempotent-Replayed')]).toEqual([201, sent.body, 'true'])
    expect(await lastRow(organizationId, 'invitation.sent')).toMatchObject(actor)
    const mail = await mailTo(email, /^You are invited/)
    expect(mail.text).toMatch(/You are invited to join .+, with the role owner\./)
    expect((await call(`GET ${path}`, { token })).body.data).toMatchObject([{ id: sent.body.id, status: 'pending' }])
    const accepted = await call('POST /api/v1/organizations/invitations/accept', {
      body: { token: tokenIn(mail), password: 'correct horse battery' },
    })
    expect(accepted).toMatchObject({ status: 200, body: { organization_id: organizationId, role: 'owner' } })
  })

  test('resends an invitation, replaces its inviter, and withdraws it', async () => {
    const { organizationId, token: owner, user } = await newCustomer()
    const path = `/api/v1/organizations/${organizationId}/invitations`
    const email = newEmail()
    const { body } = await call(`POST ${path}`, { token: owner, body: { email, role: 'viewer' } })
    expect(body.invited_by).toBe(user.id)
    const resent = await call(`POST ${path}/${body.id}/resend`, { token })
    expect(resent).toMatchObject({ status: 200, body: { invited_by: null, status: 'pending' } })
    await sql.query(`update memberships set role = 'viewer' where user_id = $1`, [user.id])
    const statuses = async () => (await call(`GET ${path}`, { token })).body.data.map((one: any) => one.status)
    expect(await statuses()).toEqual(['pending'])
    expect((await call(`DELETE ${path}/${body.id}`, { token })).status).toBe(204)
    expect(await lastRow(organizationId, 'invitation.revoked')).toMatchObject(actor)
    expect(await statuses()).toEqual(['revoked'])
  })

  test('changes roles with the rights of an owner and removes members, but leaves one owner', async () => {
    const [{ organizationId, user: owner }, { user: second }] = [await newCustomer(), await newUser()]
    await addMember(organizationId, second.id, 'viewer')
    const path = `/api/v1/organizations/${organizationId}/members`
    const promoted = await call(`PATCH ${path}/${second.id}`, { token, body: { role: 'owner' } })
    expect(promoted).toMatchObject({ status: 200, body: { role: 'owner' } })
    expect(await lastRow(organizationId, 'member.role_changed')).toMatchObject(actor)
    expect((await call(`DELETE ${path}/${owner.id}`, { token })).status).toBe(204)
    expect(await lastRow(organizationId, 'member.removed')).toMatchObject(actor)
    for (const answer of [
      await call(`DELETE ${path}/${second.id}`, { token }),
      await call(`PATCH ${path}/${second.id}`, { token, body: { role: 'admin' } }),
    ])
      expect([answer.status, answer.body.code]).toEqual([409, 'last_owner'])
    expect(await rolesIn(organizationId)).toEqual({ [second.id]: 'owner' })
    expect((await call(`DELETE ${path}/${owner.id}`, { token })).body.code).toBe('member_not_found')
  })
})

test('the audit row has the person for whom a back end acts', async () => {
  const { id } = await newPeopleless()
  const headers = { 'Tollgate-Actor': 'agent 7' }
  const body = { email: newEmail(), role: 'viewer' }
  await call(`POST /api/v1/organizations/${id}/invitations`, { token: service, headers, body })
  expect(await lastRow(id, 'invitation.sent')).toMatchObject({ actor_id: keyId, detail: { on_behalf_of: 'agent 7' } })
})

test('invitations by a back end count against the limits of their organization and address', async () => {
  const { id } = await newPeopleless()
  const body = { email: newEmail(), role: 'viewer' }
  const statuses: number[] = []
  for (let sent = 0; sent < 6; sent++)
    statuses.push((await call(`POST /api/v1/organizations/${id}/invitations`, { token: service, body })).status)
  expect(statuses).toEqual([201, 201, 201, 201, 201, 429])
})

test('a service key cannot change members of the platform organization', async () => {
  const [platform] = await sql.query('select id from organizations where is_platform')
  const { user } = await newUser()
  const path = `/api/v1/organizations/${platform?.id as string}`
  const answers = await Promise.all([
    call(`POST ${path}/invitations`, { token: service, body: { email: newEmail(), role: 'viewer' } }),
    call(`GET ${path}/invitations`, { token: service }),
    call(`PATCH ${path}/members/${user.id}`, { token: service, body: { role: 'owner' } }),
    call(`DELETE ${path}/members/${user.id}`, { token: service }),
  ])
  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403])
})
