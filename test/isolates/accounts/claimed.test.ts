import { describe, expect, test } from 'vitest'
import { newAuthenticator } from '../../support/authenticator.ts'
import { directly } from '../../support/direct.ts'
import { call, verify } from '../../support/http.ts'
import { mailTo, tokenIn } from '../../support/mail.ts'
import { addMember } from '../../support/organizations.ts'
import { add, ORIGIN, signIn as signInByPasskey } from '../../support/passkeys.ts'
import { newPerson, visit as visitProvider } from '../../support/providers.ts'
import { newDirectory } from '../../support/scim.ts'
import { me, newCompany, signIn } from '../../support/sso.ts'
import { codeOf } from '../../support/two-factor.ts'

const { sql } = directly()
const password = 'correct horse battery'

/** Registers an address that may be somebody else's, and creates everything possible without confirming it. */
async function squat(email: string) {
  await call('POST /api/v1/auth/register', { body: { email, password, name: 'Mallory' } })
  const login = () => call('POST /api/v1/auth/login', { body: { email, password } })
  const { access_token: token, refresh_token } = (await login()).body
  const user = (await call('GET /api/v1/auth/me', { token })).body
  const authenticator = await newAuthenticator(ORIGIN)
  await add(token, authenticator)
  const theirs = newPerson()
  const { proof } = await visitProvider(theirs)
  expect((await call('POST /api/v1/auth/identities', { token, body: proof })).status).toBe(200)
  const { body: key } = await call('POST /api/v1/auth/api-keys', { token, body: { name: 'theirs' } })
  const changed = `mallory-${crypto.randomUUID()}@example.com`
  await call('POST /api/v1/auth/email/change', { token, body: { new_email: changed, password } })
  const link = tokenIn(await mailTo(changed, /^Confirm/))
  const { body: setup } = await call('POST /api/v1/auth/2fa/setup', { token, body: { password } })
  await call('POST /api/v1/auth/2fa/enable', { token, body: { code: codeOf(setup.secret) } })
  const { challenge_token } = (await login()).body
  return { user, token, refresh_token, authenticator, theirs, key: key.key as string, link, challenge_token, login }
}

type Squatter = Awaited<ReturnType<typeof squat>>

/** Nothing that the stranger has signs them in, or acts in the account's name. */
async function expectOut({ user, token, refresh_token, authenticator, key, link, login }: Squatter) {
  expect((await login()).status).toBe(401)
  expect((await call('GET /api/v1/auth/me', { token })).status).toBe(401)
  expect((await call('POST /api/v1/auth/refresh', { body: { refresh_token } })).status).toBe(401)
  expect((await signInByPasskey(authenticator)).body.code).toBe('invalid_passkey')
  expect((await verify(key)).body.code).toBe('REVOKED')
  const changed = await call('POST /api/v1/auth/email/change/confirm', { body: { token: link } })
  expect(changed.body.code).toBe('invalid_token')
  const [left] = await sql.query(
    `select password_hash, name, (select count(*)::int from passkeys p where p.user_id = u.id) + (select count(*)::int from totp_credentials t where t.user_id = u.id)
       + (select count(*)::int from login_challenges c where c.user_id = u.id and c.used_at is null)
       + (select count(*)::int from email_tokens e where e.user_id = u.id and e.used_at is null) as ways
     from users u where id = $1`,
    [user.id],
  )
  expect(left).toMatchObject({ password_hash: null, name: 'Ada Lovelace', ways: 0 })
}

const claims = (userId: string) =>
  sql.query(
    `select organization_id, detail from audit_logs where target_id = $1 and action = 'account.claimed' and result = 'success'`,
    [userId],
  )

describe('an address of a verified domain that a stranger has registered', () => {
  test('goes to its owner by single sign-on, and nothing of the stranger remains in the account', async () => {
    const { id, person } = await newCompany()
    const ada = person({ name: 'Ada Lovelace' })
    const squatter = await squat(ada.email)
    const { status, body } = await signIn(ada)
    expect([status, body.two_factor_required]).toEqual([200, undefined])
    const user = await me(body.access_token)
    expect(user).toMatchObject({ id: squatter.user.id, organization_id: id, role: 'member', is_verified: true })
    expect(user.has_password).toBe(false)
    await expectOut(squatter)
    const rows = await sql.query('select subject from identities where user_id = $1', [user.id])
    expect(rows).toHaveLength(1)
    expect(await claims(user.id)).toEqual([{ organization_id: id, detail: { by: 'sso', cleared: true } }])
    expect((await signIn(ada)).status).toBe(200)
  })

  test('goes to its owner by the directory', async () => {
    const { id, ask, newBody, address, roles } = await newDirectory()
    const squatter = await squat(address('ada'))
    const { status, body } = await ask('POST /Users', newBody('ada', { displayName: 'Ada Lovelace' }))
    expect([status, body.id]).toEqual([201, squatter.user.id])
    expect(await roles()).toMatchObject({ ada: 'member' })
    await expectOut(squatter)
    expect(await claims(squatter.user.id)).toEqual([
      { organization_id: id, detail: { by: 'directory', cleared: true } },
    ])
  })

  test('becomes one account if both claim it at once', async () => {
    const { id, person } = await newCompany()
    const ada = person({ name: 'Ada Lovelace' })
    await call('POST /api/v1/auth/register', { body: { email: ada.email, password } })
    const statuses = (await Promise.all([signIn(ada), signIn(ada)])).map(({ status }) => status)
    expect(statuses).toContain(200)
    const [row] = await sql.query(
      `select count(*)::int as accounts from users u join memberships m on m.user_id = u.id where u.email = $1 and m.organization_id = $2`,
      [ada.email, id],
    )
    expect(row?.accounts).toBe(1)
  })
})

describe('an account is left as it is', () => {
  test('if only members can sign in, whom the organization already knows', async () => {
    const { person } = await newCompany({ join_role: null })
    const ada = person()
    const squatter = await squat(ada.email)
    expect((await signIn(ada)).body.code).toBe('sso_no_member')
    expect((await verify(squatter.key)).body.code).toBe('VALID')
  })

  test('if the operator imported it: it is confirmed, and keeps its password', async () => {
    const { person } = await newCompany()
    const ada = person({ name: 'Ada Lovelace' })
    await call('POST /api/v1/auth/register', { body: { email: ada.email, password } })
    await sql.query('update users set is_self_registered = false where email = $1', [ada.email])
    const { body: before } = await call('POST /api/v1/auth/login', { body: { email: ada.email, password } })
    const { body } = await signIn(ada)
    expect(await me(body.access_token)).toMatchObject({ is_verified: true, has_password: true })
    expect((await call('GET /api/v1/auth/me', { token: before.access_token })).status).toBe(200)
  })

  test.each([
    ['a member of the organization, such as who set it up', async (company: string) => company],
    [
      'an administrator of the deployment',
      async () => String((await sql.query('select id from organizations where is_platform'))[0]?.id),
    ],
  ])('if it belongs to %s', async (_, organizationOf) => {
    const { id, person } = await newCompany()
    const ada = person()
    const squatter = await squat(ada.email)
    const place = await organizationOf(id)
    await addMember(place, squatter.user.id, 'viewer')
    const { status, body } = await signIn(ada)
    expect([status, body.code]).toEqual([409, 'identity_not_linked'])
    expect((await verify(squatter.key)).body.code).toBe('VALID')
    await sql.query('delete from memberships where organization_id = $1 and user_id = $2', [place, squatter.user.id])
  })
})
