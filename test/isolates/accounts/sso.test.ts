import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { newUser } from '../../support/http.ts'
import { signInAt } from '../../support/identity-provider.ts'
import { newPerson } from '../../support/providers.ts'
import { hidePlans, sellPlan } from '../../support/sold-plans.ts'
import { API, ask, begin, invitationOnly, me, newCompany, signedIn, signIn, visit, worker } from '../../support/sso.ts'
import { codeOf } from '../../support/two-factor.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()

describe('a single sign-on', () => {
  test('creates accounts and memberships for people of the domain the first time, and finds them the next time', async () => {
    const { id, person, members } = await newCompany()
    const ada = person({ name: 'Ada Lovelace' })
    const first = await signIn(ada)
    expect(first.status).toBe(200)
    const user = await me(first.body.access_token)
    expect(user).toMatchObject({ organization_id: id, role: 'member', is_verified: true, has_password: false })
    expect((await me((await signIn(ada)).body.access_token)).id).toBe(user.id)
    expect((await members()).map(({ name }: any) => name)).toContain('Ada Lovelace')
    const acts = await sql.query(`select action, detail from audit_logs where organization_id = $1 order by id`, [id])
    expect(acts).toContainEqual({ action: 'member.joined', detail: { role: 'member', by: 'sso' } })
    expect(acts.find(({ action }) => action === 'sso.configured')?.detail).not.toHaveProperty('client_secret')
  })

  test('joins the account that has confirmed the address, and asks for its second factor', async () => {
    const { id, domain, person } = await newCompany()
    const user = await newUser()
    const email = `p-${crypto.randomUUID()}@${domain}`
    await sql.query('update users set email = $2, email_verified_at = now() where id = $1', [user.user.id, email])
    const login = await worker.call(`POST ${API}/auth/login`, { email, password: user.password })
    const { body: setup } = await ask(`POST ${API}/auth/2fa/setup`, login.body.access_token)
    await ask(`POST ${API}/auth/2fa/enable`, login.body.access_token, { code: codeOf(setup.secret) })
    const challenge = await signIn(person({ email }))
    expect(challenge.body).toMatchObject({ two_factor_required: true })
    await sql.query('update totp_credentials set last_step = null where user_id = $1', [user.user.id])
    const done = await worker.call(`POST ${API}/auth/2fa/verify`, {
      challenge_token: challenge.body.challenge_token,
      code: codeOf(setup.secret),
    })
    expect(await me(done.body.access_token)).toMatchObject({ id: user.user.id, organization_id: id, role: 'member' })
    const [session] = await sql.query(
      'select sso_connection_id is not null as by_sso from sessions where user_id = $1 order by created_at desc limit 1',
      [user.user.id],
    )
    expect(session?.by_sso).toBe(true)
  })

  test('creates accounts even where registration needs an invitation', async () => {
    const { person } = await newCompany()
    expect((await signIn(person(), { by: invitationOnly })).status).toBe(200)
  })

  test('ends its sessions, including refresh tokens, after twelve hours', async () => {
    const { person } = await newCompany()
    const { body } = await signIn(person())
    const { id } = await me(body.access_token)
    const [session] = await sql.query(
      `select s.expires_at - s.created_at as length, r.expires_at <= s.expires_at as within
       from sessions s join refresh_tokens r on r.session_id = s.id where s.user_id = $1`,
      [id],
    )
    expect(session).toMatchObject({ within: true })
    expect(JSON.stringify(session?.length)).toContain('12')
  })

  test('refuses a person whom a colleague removed, or who is not a member where only members may sign in', async () => {
    const { id, owner, path, person, put } = await newCompany()
    const ada = person()
    const user = await me((await signIn(ada)).body.access_token)
    await ask(`DELETE ${path}/members/${user.id}`, owner.token)
    expect((await signIn(ada)).body.code).toBe('sso_no_member')
    await put({ join_role: null })
    expect((await signIn(person())).body.code).toBe('sso_no_member')
    await sql.query(`insert into memberships (organization_id, user_id, role) values ($1, $2, 'viewer')`, [id, user.id])
    expect((await signIn(ada)).status).toBe(200)
  })
})

describe('a refused sign-in', () => {
  const accountsOf = (email: string) => sql.query('select id from users where email = $1', [email])

  test('creates no account where only members may sign in, also where registration needs an invitation', async () => {
    const { person } = await newCompany({ join_role: null })
    const [ada, bob] = [person(), person()]
    expect((await signIn(ada)).body.code).toBe('sso_no_member')
    expect((await signIn(bob, { by: invitationOnly })).body.code).toBe('sso_no_member')
    expect([...(await accountsOf(ada.email)), ...(await accountsOf(bob.email))]).toEqual([])
  })

  test('creates no account where no seat is left', async () => {
    const { id, person } = await newCompany()
    const plan = await sellPlan('polar', { prices: [{ cents: 500, seat: 500 }], seats: { included: 1, max: 5 } })
    await hidePlans([plan])
    await sql.query(`update organizations set plan_id = $2 where id = $1`, [id, plan])
    const ada = person()
    const { status, body } = await signIn(ada)
    expect([status, body.code]).toEqual([409, 'seat_limit_reached'])
    expect(await accountsOf(ada.email)).toEqual([])
  })

  test.each(['where only members may sign in', 'after the organization removed the user'])(
    'links nothing to an account that has confirmed the address, %s',
    async (why) => {
      const isRemoved = why.startsWith('after')
      const { id, domain, person } = await newCompany({ join_role: isRemoved ? 'member' : null })
      const { user } = await newUser()
      const email = `p-${crypto.randomUUID()}@${domain}`
      await sql.query('update users set email = $2, email_verified_at = now() where id = $1', [user.id, email])
      if (isRemoved)
        await sql.query('insert into removed_members (organization_id, user_id) values ($1, $2)', [id, user.id])
      expect((await signIn(person({ email }))).body.code).toBe('sso_no_member')
      expect(await sql.query('select id from identities where user_id = $1', [user.id])).toEqual([])
      expect(await sql.query('select id from mail_outbox where recipient = $1', [email])).toEqual([])
    },
  )
})

describe('what an organization’s provider says counts for its own people alone', () => {
  test('an address of another domain is refused, and makes no account', async () => {
    const { person } = await newCompany()
    const stranger = newPerson()
    const { status, body } = await signIn(stranger, { as: person().email })
    expect([status, body.code]).toEqual([403, 'sso_address_refused'])
    const found = await sql.query('select 1 from users where email = $1', [stranger.email])
    expect(found).toEqual([])
  })

  test('an address that the provider does not confirm is refused', async () => {
    const { person } = await newCompany()
    expect((await signIn(person({ verified: false }))).body.code).toBe('sso_address_refused')
  })

  test('an account whose address has changed is not signed in to', async () => {
    const { person } = await newCompany()
    const ada = person()
    const { id } = await me((await signIn(ada)).body.access_token)
    await sql.query('update users set email = $2 where id = $1', [id, `private-${crypto.randomUUID()}@example.com`])
    expect((await signIn(ada)).body.code).toBe('sso_address_refused')
  })

  test('a domain that is no longer verified signs nobody in', async () => {
    const { id, person } = await newCompany()
    const ada = person()
    const { proof } = await visit(ada.email, ada)
    await sql.query('update organization_domains set verified_at = null where organization_id = $1', [id])
    expect((await worker.call(`POST ${API}/auth/sign-in/complete`, proof)).body.code).toBe('sso_address_refused')
    expect((await begin(ada.email).answer).body.code).toBe('sso_not_found')
  })

  test('a pending sign-in ends with the connection, or with its provider', async () => {
    const { owner, path, person, put, id } = await newCompany()
    const [ada, bob] = [person(), person()]
    const [first, second] = [await visit(ada.email, ada), await visit(bob.email, bob)]
    await sql.query(`update sso_connections set issuer = 'https://other.example.org' where organization_id = $1`, [id])
    expect((await worker.call(`POST ${API}/auth/sign-in/complete`, first.proof)).body.code).toBe('sso_not_found')
    await put({})
    expect((await ask(`DELETE ${path}/sso`, owner.token)).status).toBe(204)
    expect((await worker.call(`POST ${API}/auth/sign-in/complete`, second.proof)).body.code).toBe('sso_not_found')
  })

  test('a secret that no root secret can decrypt is reported as an unreachable provider', async () => {
    const { id, person } = await newCompany()
    const ada = person()
    const { answer } = begin(ada.email)
    const callback = await signInAt((await answer).body.authorization_url, ada)
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await sql.query(`update sso_connections set client_secret_encrypted = '\\x0102' where organization_id = $1`, [id])
    const { headers } = await worker.call(`GET ${callback.pathname}${callback.search}`)
    expect(headers.get('Location')).toContain('sign_in_error=refused')
    expect((await begin(ada.email).answer).body.code).toBe('identity_provider_unavailable')
  })

  test('a disabled account is not signed in to, and becomes no member', async () => {
    const { person, members } = await newCompany()
    const ada = person()
    const { id } = await me((await signIn(ada)).body.access_token)
    await sql.query('delete from memberships where user_id = $1', [id])
    await sql.query('update users set is_active = false where id = $1', [id])
    expect((await signIn(ada)).body.code).toBe('invalid_credentials')
    expect(await members()).toHaveLength(1)
  })

  test('its code cannot link anything to another account', async () => {
    const { person } = await newCompany()
    const ada = person()
    const { proof } = await visit(ada.email, ada)
    const { token } = await signedIn()
    expect((await ask(`POST ${API}/auth/identities`, token, proof)).body.code).toBe('invalid_sign_in')
  })

  test('a forged ID token is refused', async () => {
    const { person } = await newCompany()
    for (const misbehave of ['wrong_audience', 'other_key', 'wrong_nonce', 'response_issuer'])
      expect((await visit(person().email, person({ misbehave }))).error).toBe('refused')
  })
})
