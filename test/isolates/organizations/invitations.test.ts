import { afterEach, describe, expect, test, vi } from 'vitest'
import { directly, send } from '../../support/direct.ts'
import { call, newKeyHolder, newUser } from '../../support/http.ts'
import { mailsTo, mailTo, tokenIn } from '../../support/mail.ts'
import { addMember, ORGANIZATIONS, rolesIn } from '../../support/organizations.ts'

const DAY = 24 * 3_600_000
const PASSWORD = 'a phrase of their own'
const { sql } = directly()

afterEach(() => void vi.useRealTimers())

let strangers = 0
const newAddress = () => `invited-${Date.now()}-${strangers++}@example.com`

type Host = { id: string; token: string }

const host = async (fields: { name?: string } = { name: 'Host' }): Promise<Host> => {
  const { user, token } = await newUser(fields)
  return { id: user.organization_id, token }
}
const invite = ({ id, token }: Host, email: string, role = 'member', headers = {}) =>
  call(`POST ${ORGANIZATIONS}/${id}/invitations`, { token, headers, body: { email, role } })
const list = async ({ id, token }: Host, query = '') =>
  (await call(`GET ${ORGANIZATIONS}/${id}/invitations?${query}`, { token })).body
const revoke = ({ id, token }: Host, invitation: string) =>
  call(`DELETE ${ORGANIZATIONS}/${id}/invitations/${invitation}`, { token })
const resend = ({ id, token }: Host, invitation: string) =>
  call(`POST ${ORGANIZATIONS}/${id}/invitations/${invitation}/resend`, { token })
const accept = (body: unknown, token?: string) =>
  call(`POST ${ORGANIZATIONS}/invitations/accept`, { body, ...(token && { token }) })
const mailed = async (email: string, count = 1) => tokenIn(await mailTo(email, /^You are invited/, count))
const actsOf = async (id: string, act: string) =>
  sql.query('select * from audit_logs where organization_id = $1 and action = $2 order by id', [id, act])

describe('an invitation', () => {
  test('is sent by email, names the organization and the role, and is stored without its token', async () => {
    const here = await host()
    const email = newAddress()
    const { status, body } = await invite(here, ` ${email.toUpperCase()} `, 'admin')
    expect(status).toBe(201)
    expect(body).toEqual({
      id: expect.any(String),
      email,
      role: 'admin',
      status: 'pending',
      invited_by: expect.any(String),
      created_at: expect.any(String),
      expires_at: expect.any(String),
      accepted_at: null,
    })
    expect(Date.parse(body.expires_at) - Date.parse(body.created_at)).toBe(7 * DAY)
    const mail = await mailTo(email, /^You are invited to Host at/)
    expect(mail.text).toContain('Host of the organization Host')
    expect(mail.text).toContain('with the role admin')
    const token = tokenIn(mail)
    expect(JSON.stringify([body, await list(here)])).not.toContain(token)
    const rows = await sql.query('select * from invitations where id = $1', [body.id])
    expect(JSON.stringify(rows)).not.toContain(token)
    expect((await actsOf(here.id, 'invitation.sent'))[0]?.detail).toEqual({ email: 'i…@example.com', role: 'admin' })
  })

  test('v5.0.0-1.3.11 repeats no name that could be read as an address', async () => {
    const here = await host({ name: 'Win at https://evil.example' })
    const email = newAddress()
    await invite(here, email)
    const mail = await mailTo(email, /^You are invited to an organization at/)
    expect(`${mail.text}${mail.html}`).not.toContain('evil')
  })

  test('is accepted by the signed-in owner of the address, once, and confirms the address', async () => {
    const [here, person] = [await host(), await newUser()]
    const { body: sent } = await invite(here, person.email, 'viewer')
    const token = await mailed(person.email)
    const answer = await accept({ token }, person.token)
    expect(answer).toMatchObject({
      status: 200,
      body: { organization_id: here.id, organization_name: 'Host', role: 'viewer', is_new_account: false },
    })
    expect((await rolesIn(here.id))[person.user.id]).toBe('viewer')
    const { body: me } = await call('GET /api/v1/auth/me', { token: person.token })
    expect(me).toMatchObject({ is_verified: true, organization_id: person.user.organization_id })
    expect((await accept({ token }, person.token)).body.code).toBe('already_member')
    expect((await accept({ token })).body.code).toBe('invalid_token')
    expect((await list(here)).data).toMatchObject([
      { id: sent.id, status: 'accepted', accepted_at: expect.any(String) },
    ])
    expect(await actsOf(here.id, 'invitation.accepted')).toMatchObject([{ actor_id: person.user.id }])
  })

  test('★ is useless to anybody else: another user, a key, a malformed token', async () => {
    const [here, person, other] = [await host(), await newUser(), await newKeyHolder()]
    await invite(here, person.email)
    const token = await mailed(person.email)
    const refused = await accept({ token }, other.token)
    expect([refused.status, refused.body.code]).toEqual([403, 'invitation_for_other'])
    expect((await accept({ token }, other.key)).body.code).toBe('user_only')
    expect((await accept({ token }, `${person.token}x`)).body.code).toBe('unauthenticated')
    expect((await accept({ token: `${token}x` }, person.token)).body.code).toBe('invalid_token')
    expect(Object.keys(await rolesIn(here.id))).toHaveLength(1)
    expect((await accept({ token }, person.token)).status).toBe(200)
  })

  test('asks without a session for the password of the account with the address', async () => {
    const [here, person] = [await host(), await newUser()]
    await invite(here, person.email)
    const token = await mailed(person.email)
    const without = await accept({ token })
    expect([without.status, without.body.code]).toEqual([409, 'account_exists'])
    expect((await accept({ token, password: 'not the password' })).body.code).toBe('wrong_password')
    const answer = await accept({ token, password: person.password })
    expect(answer).toMatchObject({ status: 200, body: { user_id: person.user.id, is_new_account: false } })
    expect(answer.body).not.toHaveProperty('access_token')
  })

  test('creates an account for an address without one, confirmed and with an organization of its own', async () => {
    const here = await host()
    const email = newAddress()
    await invite(here, email, 'admin')
    const token = await mailed(email)
    expect((await accept({ token })).body.errors[0].path).toBe('body.password')
    expect((await accept({ token, password: 'short' })).body.errors[0].path).toBe('body.password')
    const { body } = await accept({ token, password: PASSWORD, name: 'Grace' })
    expect(body).toMatchObject({ organization_id: here.id, role: 'admin', is_new_account: true })
    const { body: tokens } = await call('POST /api/v1/auth/login', { body: { email, password: PASSWORD } })
    const { body: me } = await call('GET /api/v1/auth/me', { token: tokens.access_token })
    expect(me).toMatchObject({ id: body.user_id, name: 'Grace', is_verified: true, role: 'owner' })
    expect(me.organization_id).not.toBe(here.id)
    const { body: own } = await call(`GET ${ORGANIZATIONS}`, { token: tokens.access_token })
    expect(own.data).toHaveLength(2)
    expect(await actsOf(me.organization_id, 'account.registered')).toHaveLength(1)
  })

  test('lives seven days, and another seven when resent, with a new link that replaces the old one', async () => {
    const [here, person] = [await host(), await newUser()]
    const { body: sent } = await invite(here, person.email)
    const first = await mailed(person.email)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(sent.expires_at) })
    expect((await accept({ token: first })).body.code).toBe('invalid_token')
    vi.useRealTimers()
    await sql.query(`update invitations set expires_at = now() - interval '1 hour' where id = $1`, [sent.id])
    expect((await list(here)).data[0].status).toBe('expired')
    const again = await resend(here, sent.id)
    expect(again).toMatchObject({ status: 200, body: { id: sent.id, status: 'pending' } })
    const second = await mailed(person.email, 2)
    expect(second).not.toBe(first)
    expect((await accept({ token: first }, person.token)).body.code).toBe('invalid_token')
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(again.body.expires_at) - 1 })
    expect((await accept({ token: second })).body.code).toBe('account_exists')
    vi.useRealTimers()
    expect((await accept({ token: second }, person.token)).status).toBe(200)
    expect((await resend(here, sent.id)).body.code).toBe('invitation_not_found')
    expect((await revoke(here, sent.id)).body.code).toBe('invitation_not_found')
  })

  test('is invalid once withdrawn; withdrawing twice is no error', async () => {
    const [here, person, other] = [await host(), await newUser(), await host()]
    const { body: sent } = await invite(here, person.email)
    const token = await mailed(person.email)
    expect((await revoke({ ...here, token: other.token }, sent.id)).body.code).toBe('organization_not_found')
    expect((await revoke(other, sent.id)).body.code).toBe('invitation_not_found')
    expect((await resend(other, sent.id)).body.code).toBe('invitation_not_found')
    expect((await revoke(here, sent.id)).status).toBe(204)
    expect((await revoke(here, sent.id)).status).toBe(204)
    expect(await actsOf(here.id, 'invitation.revoked')).toHaveLength(1)
    expect((await accept({ token }, person.token)).body.code).toBe('invalid_token')
    expect((await resend(here, sent.id)).body.code).toBe('invitation_not_found')
  })

  test('replaces an earlier one to the same address, but none of other organizations', async () => {
    const [here, there, person] = [await host(), await host(), await newUser()]
    await invite(there, person.email)
    const elsewhere = await mailed(person.email)
    await invite(here, person.email, 'member')
    const first = await mailed(person.email, 2)
    await invite(here, person.email, 'viewer')
    const second = await mailed(person.email, 3)
    expect((await accept({ token: first }, person.token)).body.code).toBe('invalid_token')
    expect((await accept({ token: second }, person.token)).body.role).toBe('viewer')
    expect((await accept({ token: elsewhere }, person.token)).body.organization_id).toBe(there.id)
    expect((await list(here, 'status=revoked')).data).toHaveLength(1)
    const pages = await list(here, 'limit=1')
    expect([...pages.data, ...(await list(here, `limit=1&cursor=${pages.next_cursor}`)).data]).toEqual(
      (await list(here)).data,
    )
  })

  test('is not sent to members, pauses while its sender is disabled, and ends when they may no longer send it', async () => {
    const [here, admin, person] = [await host(), await newUser(), await newUser()]
    await addMember(here.id, admin.user.id, 'admin')
    const member = await invite(here, admin.email)
    expect([member.status, member.body.code]).toEqual([409, 'already_member'])
    const { body: sent } = await invite({ ...here, token: admin.token }, person.email)
    const token = await mailed(person.email)
    for (const isActive of [false, true]) {
      await sql.query('update users set is_active = $2 where id = $1', [admin.user.id, isActive])
      expect((await list(here)).data[0].status).toBe(isActive ? 'pending' : 'revoked')
    }
    await call(`PATCH ${ORGANIZATIONS}/${here.id}/members/${admin.user.id}`, {
      token: here.token,
      body: { role: 'member' },
    })
    expect((await list(here)).data[0].status).toBe('revoked')
    expect((await accept({ token }, person.token)).body.code).toBe('invalid_token')
    expect((await resend(here, sent.id)).body.status).toBe('pending')
    expect((await accept({ token: await mailed(person.email, 2) }, person.token)).status).toBe(200)
  })

  test('★ is sent by owners and admins, and for the owner role only by owners', async () => {
    const here = await host()
    const [admin, member] = [await newUser(), await newUser()]
    await addMember(here.id, admin.user.id, 'admin')
    await addMember(here.id, member.user.id, 'member')
    const as = (person: { token: string }) => ({ ...here, token: person.token })
    expect((await invite(as(member), newAddress())).body.code).toBe('forbidden')
    const refused = [(await list(as(member))).code, (await invite(as(admin), newAddress(), 'owner')).body.code]
    expect(refused).toEqual(['forbidden', 'forbidden'])
    expect((await invite(as(admin), newAddress(), 'admin')).status).toBe(201)
    const { body: owners } = await invite(here, newAddress(), 'owner')
    expect([owners.role, (await resend(as(admin), owners.id)).body.code]).toEqual(['owner', 'forbidden'])
    expect((await invite(here, 'no address')).status).toBe(400)
    expect((await invite(here, newAddress(), 'root')).body.code).toBe('role_not_found')
  })
})

describe('concurrently', () => {
  test('one of ten acceptances by a signed-in user counts', async () => {
    const [here, person] = [await host(), await newUser()]
    await invite(here, person.email)
    const token = await mailed(person.email)
    const answers = await Promise.all(Array.from({ length: 10 }, () => accept({ token }, person.token)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, body } of answers) if (status !== 200) expect(body.code).toBe('already_member')
    expect(await actsOf(here.id, 'invitation.accepted')).toHaveLength(1)
  })

  test('one of two acceptances that create an account counts, and there is one account', async () => {
    const [here, email] = [await host(), newAddress()]
    await invite(here, email)
    const token = await mailed(email)
    const answers = await Promise.all([1, 2].map(() => accept({ token, password: PASSWORD })))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const { body } = answers.find(({ status }) => status !== 200) ?? {}
    expect(['invalid_token', 'already_member']).toContain(body.code) // who comes later finds a member
    expect(Object.keys(await rolesIn(here.id))).toHaveLength(2)
    expect(await sql.query('select 1 from users where email = $1', [email])).toHaveLength(1)
    expect(await sql.query(`select 1 from organizations where name = $1`, [email.split('@')[0]])).toHaveLength(1)
  })

  test('five of ten invitations to one address are sent, and one is open', async () => {
    const here = await host()
    const email = newAddress()
    const answers = await Promise.all(Array.from({ length: 10 }, () => invite(here, email)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(5)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(5)
    await mailTo(email, /^You are invited/, 5)
    expect(await mailsTo(email)).toHaveLength(5)
    expect((await list(here, 'status=pending')).data).toHaveLength(1)
    expect((await list(here, 'status=revoked')).data).toHaveLength(4)
  })

  test('only one of an acceptance and a revocation happens', async () => {
    for (let round = 0; round < 3; round++) {
      const [here, person] = [await host(), await newUser()]
      const { body: sent } = await invite(here, person.email)
      const token = await mailed(person.email)
      const [accepted, revoked] = await Promise.all([accept({ token }, person.token), revoke(here, sent.id)])
      expect([accepted.status === 200, revoked.status === 204].filter(Boolean)).toHaveLength(1)
      expect(Object.keys(await rolesIn(here.id))).toHaveLength(accepted.status === 200 ? 2 : 1)
    }
  })

  test('a repeat with the same Idempotency-Key sends nothing', async () => {
    const here = await host()
    const email = newAddress()
    const headers = { 'Idempotency-Key': crypto.randomUUID() }
    const first = await invite(here, email, 'member', headers)
    expect((await invite(here, email, 'member', headers)).body).toEqual(first.body)
    await mailed(email)
    expect(await mailsTo(email)).toHaveLength(1)
  })
})

test('★ one link accepts at most ten wrong passwords or tokens', async () => {
  const [here, person] = [await host(), await newUser()]
  await invite(here, person.email)
  const token = await mailed(person.email)
  for (let attempt = 0; attempt < 10; attempt++) await accept({ token })
  expect((await accept({ token, password: person.password })).status).toBe(429)
})

test('the link leads to a page that sends its token, and a password, to the endpoint', async () => {
  const page = await (await send('GET /account/accept-invitation')).text()
  expect(page).toContain('data-endpoint="/api/v1/organizations/invitations/accept"')
  expect(page).toContain('<label for="password">')
})
