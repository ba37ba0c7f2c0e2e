import { describe, expect, test } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { call, newUser } from '../../../support/http.ts'
import { mailTo } from '../../../support/mail.ts'
import { begin, comeBack, complete, newPerson, RETURN_TO, signInWith, visit } from '../../../support/providers.ts'
import { newTwoFactorUser } from '../../../support/two-factor.ts'

const { sql } = directly()
const profile = async (token: string) => (await call('GET /api/v1/auth/me', { token })).body
const confirm = (email: string) => sql.query('update users set email_verified_at = now() where email = $1', [email])

const lastAct = async (token: string, action: string) =>
  (await call(`GET /api/v1/audit-logs?action=${action}&limit=1`, { token })).body.data[0]

test('the configured providers are listed by id and name, without any secret', async () => {
  const { status, body } = await call('GET /api/v1/auth/sign-in/methods')
  expect([status, body]).toEqual([
    200,
    {
      email: 'off',
      sso: expect.any(Boolean),
      turnstile: null,
      providers: [
        { id: 'local', name: 'Local' },
        { id: 'github', name: 'GitHub' },
      ],
    },
  ])
})

describe.each(['local', 'github'] as const)('signing in with %s', (provider) => {
  test('creates an account with a confirmed address the first time, and finds it by the same identity afterwards', async () => {
    const person = newPerson()
    const first = await signInWith(person, provider)
    const second = await signInWith(person, provider)
    expect([first.status, second.status]).toEqual([200, 200])
    const [made, found] = await Promise.all([first, second].map(({ body }) => profile(body.access_token)))
    expect(made).toMatchObject({
      email: person.email,
      name: person.name,
      is_verified: true,
      has_password: false,
      role: 'owner',
    })
    expect(found.id).toBe(made.id)
  })

  test('is in the audit log with its provider, and the identity is in the list', async () => {
    const { body } = await signInWith(newPerson(), provider)
    expect(await lastAct(body.access_token, 'login.succeeded')).toMatchObject({
      detail: { factors: ['identity'], provider },
    })
    const { body: list } = await call('GET /api/v1/auth/identities', { token: body.access_token })
    expect(list.data).toEqual([expect.objectContaining({ provider, last_used_at: expect.any(String) })])
  })
})

describe('an identity that is new here', () => {
  test('joins the account with its address if both sides confirmed it, and the owner is notified', async () => {
    const owner = await newUser()
    await confirm(owner.email)
    const { status, body } = await signInWith(newPerson({ email: owner.email }))
    expect(status).toBe(200)
    expect((await profile(body.access_token)).id).toBe(owner.user.id)
    await mailTo(owner.email, /^Another way to sign in was added/)
  })

  test('does not join an account with an unconfirmed address: a stranger may have registered it', async () => {
    const stranger = await newUser()
    const { status, body } = await signInWith(newPerson({ email: stranger.email }))
    expect([status, body.code]).toEqual([409, 'identity_not_linked'])
    const { body: list } = await call('GET /api/v1/auth/identities', { token: stranger.token })
    expect(list.data).toEqual([])
  })

  test.each(['local', 'github'] as const)(
    'neither joins nor creates an account for an address that %s has not confirmed',
    async (provider) => {
      const owner = await newUser()
      await confirm(owner.email)
      for (const email of [owner.email, newPerson().email]) {
        const { status, body } = await signInWith(newPerson({ email, verified: false }), provider)
        expect([status, body.code]).toEqual([403, 'identity_unconfirmed'])
      }
    },
  )

  test('uses a confirmed address if GitHub has several', async () => {
    const person = newPerson({ misbehave: 'several_addresses' })
    const { status, body } = await signInWith(person, 'github')
    expect(status).toBe(200)
    expect((await profile(body.access_token)).email).not.toBe(person.email)
  })

  test('creates no account without an address', async () => {
    const { status, body } = await signInWith(newPerson({ misbehave: 'no_email' }))
    expect([status, body.code]).toEqual([403, 'identity_unconfirmed'])
  })

  test('creates one account for ten concurrent sign-ins', async () => {
    const person = newPerson()
    const visits = await Promise.all(Array.from({ length: 10 }, () => visit(person)))
    const answers = await Promise.all(visits.map(({ proof }) => complete(proof)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const ids = await Promise.all(answers.map(async ({ body }) => (await profile(body.access_token)).id))
    expect(new Set(ids).size).toBe(1)
  })
})

describe('an identity that is known', () => {
  test('keeps its account when its address changes, and does not take another account by the new one (ASVS 10.5.2)', async () => {
    const [subject, other] = [crypto.randomUUID(), await newUser()]
    await confirm(other.email)
    const before = await signInWith(newPerson({ subject }))
    const after = await signInWith(newPerson({ subject, email: other.email }))
    const [was, is] = await Promise.all([before, after].map(({ body }) => profile(body.access_token)))
    expect(is).toEqual(was)
    expect(is.id).not.toBe(other.user.id)
  })

  test('keeps its account when the provider gives its address to somebody else', async () => {
    const { email } = newPerson()
    const first = await signInWith(newPerson({ email, subject: crypto.randomUUID() }))
    const { body: moved } = await call('GET /api/v1/auth/me', { token: first.body.access_token })
    await sql.query('update users set email_verified_at = null where id = $1', [moved.id])
    const second = await signInWith(newPerson({ email, subject: crypto.randomUUID() }))
    expect([second.status, second.body.code]).toEqual([409, 'identity_not_linked'])
  })

  test('still requires the second factor, and gets no token before it', async () => {
    const owner = await newTwoFactorUser()
    await confirm(owner.email)
    const { status, body } = await signInWith(newPerson({ email: owner.email }))
    expect(status).toBe(200)
    expect(Object.keys(body).toSorted()).toEqual(['challenge_token', 'expires_in', 'methods', 'two_factor_required'])
    const done = await call('POST /api/v1/auth/2fa/verify', {
      body: { challenge_token: body.challenge_token, code: owner.backupCodes[0] },
    })
    expect(done.status).toBe(200)
    expect(await lastAct(done.body.access_token, 'login.succeeded')).toMatchObject({
      detail: { factors: ['identity', 'second_factor'] },
    })
  })

  test('does not sign in to a disabled account', async () => {
    const person = newPerson()
    const { body } = await signInWith(person)
    const { id } = await profile(body.access_token)
    await sql.query('update users set is_active = false where id = $1', [id])
    const again = await signInWith(person)
    expect([again.status, again.body.code]).toEqual([401, 'invalid_credentials'])
  })
})

describe('coming back', () => {
  test('leads to the address that the page named, keeps its query, and is neither cached nor leaked', async () => {
    const { callback } = await visit(newPerson())
    const { verifier: _, answer } = await begin()
    expect(answer.body.expires_in).toBe(600)
    const { headers, status } = await call(`GET ${callback.pathname}${callback.search}`)
    expect(status).toBe(303)
    expect([headers.get('Cache-Control'), headers.get('Referrer-Policy')]).toEqual(['no-store', 'no-referrer'])
    const { arrived } = await visit(newPerson())
    expect(arrived.href.startsWith(`${RETURN_TO}&sign_in_code=`)).toBe(true)
  })

  test('reports that the person canceled at the provider', async () => {
    const { error, proof } = await visit(newPerson({ cancel: true }))
    expect([error, proof.code]).toEqual(['canceled', ''])
  })

  test('works once: a callback that is opened again gives no code', async () => {
    const { callback, proof } = await visit(newPerson())
    expect((await comeBack(callback)).searchParams.get('sign_in_error')).toBe('expired')
    expect((await complete(proof)).status).toBe(200)
  })
})
