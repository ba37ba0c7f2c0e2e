import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newUser } from '../../support/http.ts'
import { confirmAddress, mailTo, tokenIn } from '../../support/mail.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const USERS = '/api/v1/admin/users'
const ORGANIZATIONS = '/api/v1/admin/organizations'
const newEmail = () => `made-${crypto.randomUUID()}@example.com`

let key: Promise<string> | undefined

/** A service key that may manage people. */
function service(): Promise<string> {
  key ??= administrator().then(async (token) => {
    const scopes = ['platform:organizations:*', 'platform:users:*']
    const { body } = await call('POST /api/v1/admin/service-keys', { token, body: { name: 'Back end', scopes } })
    return body.key as string
  })
  return key
}

const ask = async (line: string, body?: unknown) =>
  call(line, { token: await service(), ...(body !== undefined && { body }) })

async function newCustomer() {
  const external_id = `customer-${crypto.randomUUID()}`
  const { body } = await ask(`PUT ${ORGANIZATIONS}/by-external-id/${external_id}`, {})
  return { id: body.id as string, external_id }
}

describe(`POST ${USERS}`, () => {
  test('creates an account in the named organization, and an email brings the link to set its password', async () => {
    const { id, external_id } = await newCustomer()
    const email = newEmail()
    const made = await ask(`POST ${USERS}`, { email, name: 'Ada', external_id, role: 'admin', send_invitation: true })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({ email, is_verified: false, organizations: [{ id, role: 'admin' }] })
    const token = tokenIn(await mailTo(email, /Your account at/))
    const password = 'a first password of mine'
    const set = await call('POST /api/v1/auth/password/reset/confirm', { body: { token, new_password: password } })
    expect(set.status).toBe(204)
    expect((await call('POST /api/v1/auth/login', { body: { email, password } })).status).toBe(200)
  })

  test('creates a personal organization if none is named, and nobody can sign in until a password is set', async () => {
    const email = newEmail()
    const { body } = await ask(`POST ${USERS}`, { email })
    expect(body.organizations).toMatchObject([{ role: 'owner' }])
    const attempt = await call('POST /api/v1/auth/login', { body: { email, password: 'correct horse battery' } })
    expect(attempt.body.code).toBe('invalid_credentials')
  })

  test('an address that already has an account is refused by name, and nothing is half done', async () => {
    const { email } = await newUser()
    const { external_id } = await newCustomer()
    const refused = await ask(`POST ${USERS}`, { email, external_id })
    expect([refused.body.code, refused.body.errors[0].path]).toEqual(['email_taken', 'body.email'])
    const unknown = await ask(`POST ${USERS}`, { email: newEmail(), external_id: 'nobody' })
    expect(unknown.body.code).toBe('organization_not_found')
  })

  test('the scope for users alone cannot add members', async () => {
    const { external_id } = await newCustomer()
    const body = { name: 'Users', scopes: ['platform:users:write'] }
    const { body: made } = await call('POST /api/v1/admin/service-keys', { token: await administrator(), body })
    const attempt = { email: newEmail(), external_id, role: 'owner' }
    expect((await call(`POST ${USERS}`, { token: made.key, body: attempt })).body.code).toBe('forbidden')
    expect((await call(`POST ${USERS}`, { token: made.key, body: { email: newEmail() } })).status).toBe(201)
  })

  test('a back end cannot create an administrator', async () => {
    const [platform] = await directly().sql.query('select id from organizations where is_platform')
    const wish = { email: newEmail(), organization_id: platform?.id, role: 'admin' }
    expect((await ask(`POST ${USERS}`, wish)).body.code).toBe('platform_organization')
    const { email } = await newUser()
    const seat = await ask(`POST ${ORGANIZATIONS}/${platform?.id}/members`, { email, role: 'admin' })
    expect(seat.body.code).toBe('forbidden')
  })
})

describe(`DELETE ${USERS}/{id}`, () => {
  test('deletes the account and what belonged to it alone; administrators stay', async () => {
    const { user, token } = await newUser()
    expect((await ask(`DELETE ${USERS}/${user.id}`)).status).toBe(204)
    expect((await call('GET /api/v1/auth/me', { token })).status).toBe(401)
    expect((await ask(`GET ${ORGANIZATIONS}/${user.organization_id}`)).body.code).toBe('organization_not_found')
    expect((await ask(`DELETE ${USERS}/${user.id}`)).body.code).toBe('user_not_found')
    const { body: me } = await call('GET /api/v1/auth/me', { token: await administrator() })
    expect((await ask(`DELETE ${USERS}/${me.id}`)).body.code).toBe('administrator_protected')
  })

  test('deletes an account once when asked several times at once, and finds none the other times', async () => {
    const user = await newUser()
    const { id } = (await call('GET /api/v1/auth/me', { token: user.token })).body
    const asked = await Promise.all([1, 2, 3, 4].map(() => ask(`DELETE ${USERS}/${id}`)))
    expect(asked.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 404, 404, 404])
  })
})

describe(`POST ${ORGANIZATIONS}/{organization_id}/members`, () => {
  test('makes an existing user a member immediately, and only once', async () => {
    const { id, external_id } = await newCustomer()
    const { email, user, token } = await newUser()
    await confirmAddress(email)
    const added = await ask(`POST ${ORGANIZATIONS}/external_id:${external_id}/members`, { email, role: 'owner' })
    expect([added.status, added.body.user_id, added.body.role]).toEqual([201, user.id, 'owner'])
    expect((await call(`GET /api/v1/organizations/${id}`, { token })).body).toMatchObject({ role: 'owner' })
    expect((await ask(`POST ${ORGANIZATIONS}/${id}/members`, { email })).body.code).toBe('already_member')
    expect((await ask(`POST ${ORGANIZATIONS}/${id}/members`, { email: newEmail() })).body.code).toBe('user_not_found')
  })

  test('sends an invitation by email if send_invitation is set', async () => {
    const { id } = await newCustomer()
    const email = newEmail()
    const sent = await ask(`POST ${ORGANIZATIONS}/${id}/members`, { email, role: 'viewer', send_invitation: true })
    expect([sent.status, sent.body.status, sent.body.invited_by]).toEqual([202, 'pending', null])
    const token = tokenIn(await mailTo(email, /invit/i))
    const body = { token, password: 'a first password of mine', name: 'Ada' }
    expect(await call('POST /api/v1/organizations/invitations/accept', { body })).toMatchObject({ status: 200 })
  })

  test('makes one invitation and sends one email if a request with an Idempotency-Key arrives twice at once', async () => {
    const { id } = await newCustomer()
    const email = newEmail()
    const once = { token: await service(), headers: { 'Idempotency-Key': crypto.randomUUID() } }
    const send = () =>
      call(`POST ${ORGANIZATIONS}/${id}/members`, { ...once, body: { email, role: 'viewer', send_invitation: true } })
    const [first, second] = await Promise.all([send(), send()])
    expect([first.status, second.status]).toEqual([202, 202])
    expect(second.body).toEqual(first.body)
    const mails = await directly().sql.query('select id from mail_outbox where recipient = $1', [email])
    expect(mails).toHaveLength(1)
  })
})

describe('an answer that is stored with its effect', () => {
  test.each([
    ['a personal organization', {}],
    ['a named one', { role: 'admin' }],
  ])('is what a later read returns of an account with %s', async (_, more) => {
    const named = 'role' in more ? { organization_id: (await newCustomer()).id } : {}
    const { body } = await ask(`POST ${USERS}`, { email: newEmail(), ...named, ...more })
    expect((await ask(`GET ${USERS}/${body.id}`)).body).toEqual(body)
  })

  test('is what a later read returns of a member', async () => {
    const { id } = await newCustomer()
    const { email } = await newUser()
    await confirmAddress(email)
    const { body } = await ask(`POST ${ORGANIZATIONS}/${id}/members`, { email, role: 'viewer' })
    expect((await ask(`GET /api/v1/organizations/${id}/members`)).body.data).toEqual([body])
  })
})
