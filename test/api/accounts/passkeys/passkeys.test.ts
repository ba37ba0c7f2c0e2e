import { describe, expect, test } from 'vitest'
import { newAuthenticator } from '../../../support/authenticator.ts'
import { directly } from '../../../support/direct.ts'
import { call, newUser } from '../../../support/http.ts'
import { mailTo } from '../../../support/mail.ts'
import { add, beginSignIn, newOwner, ORIGIN, PASSKEYS, prove, remove, signIn } from '../../../support/passkeys.ts'
import { makeStale } from '../../../support/stale-session.ts'

const { sql } = directly()
const list = async (token: string) => (await call(`GET ${PASSKEYS}`, { token })).body.data

const ascending = (one: number, other: number) => one - other

describe('POST /api/v1/auth/passkeys', () => {
  test('adds a passkey, which signs in without a password from then on; the owner is notified', async () => {
    const { token, email, user, authenticator, passkey } = await newOwner()
    expect(passkey).toMatchObject({ name: 'Passkey', is_synced: true, works_here: true, last_used_at: null })
    const { status, body } = await signIn(authenticator)
    expect(status).toBe(200)
    expect((await call('GET /api/v1/auth/me', { token: body.access_token })).body.id).toBe(user.id)
    expect((await list(token))[0].last_used_at).not.toBeNull()
    await mailTo(email, /^A passkey was added/)
  })

  test('is named after the password manager that made it, or as its owner chose', async () => {
    const { token } = await newUser()
    const aaguid = Uint8Array.from('bada5566a7aa401fbd9645619a55120d'.match(/../g) ?? [], (hex) =>
      Number.parseInt(hex, 16),
    )
    const made = await add(token, await newAuthenticator(ORIGIN, { aaguid }))
    const named = await add(token, await newAuthenticator(ORIGIN), {}, { name: 'My key ring' })
    expect([made.status, made.body.name, named.body.name]).toEqual([201, '1Password', 'My key ring'])
    expect((await list(token)).map(({ name }: { name: string }) => name)).toEqual(['My key ring', '1Password'])
  })

  test('a browser gets the list of existing passkeys, so that it does not make a second one on the same device', async () => {
    const { token, authenticator } = await newOwner()
    const { body } = await call(`POST ${PASSKEYS}/begin`, { token })
    expect(body.excludeCredentials).toEqual([
      { type: 'public-key', id: authenticator.id, transports: ['internal', 'hybrid'] },
    ])
    expect(body.rp.id).toBe('tollgate.test')
  })

  test('a retry after a lost response gets the first one, and there is one passkey', async () => {
    const { token } = await newUser()
    const { body: options } = await call(`POST ${PASSKEYS}/begin`, { token })
    const credential = await (await newAuthenticator(ORIGIN)).create(options)
    const request = { token, body: { credential }, headers: { 'Idempotency-Key': crypto.randomUUID() } }
    const [first, second] = [await call(`POST ${PASSKEYS}`, request), await call(`POST ${PASSKEYS}`, request)]
    expect([first.status, second.status, second.body]).toEqual([201, 201, first.body])
    expect(await list(token)).toHaveLength(1)
  })

  test('a passkey belongs to one account', async () => {
    const { authenticator } = await newOwner()
    const { token } = await newUser()
    const { status, body } = await add(token, authenticator)
    expect([status, body.code]).toEqual([409, 'passkey_known'])
  })

  test.each([
    ['of a page of another origin', { origin: 'https://evil.test' }],
    ['for another relying party', { rpId: 'evil.test' }],
    ['whose user the authenticator did not verify', { isVerified: false }],
    ['that is no registration', { type: 'webauthn.get' }],
    ['with a challenge that nobody gave out', { challenge: 'x'.repeat(43) }],
  ])('refuses one %s', async (_, odd) => {
    const { token } = await newUser()
    const { status, body } = await add(token, await newAuthenticator(ORIGIN), odd)
    expect([status, body.code]).toEqual([403, 'invalid_passkey'])
    expect(await list(token)).toEqual([])
  })

  test("a challenge of somebody else's account adds no passkey", async () => {
    const [mine, theirs] = [await newUser(), await newUser()]
    const { body: options } = await call(`POST ${PASSKEYS}/begin`, { token: theirs.token })
    const credential = await (await newAuthenticator(ORIGIN)).create(options)
    expect((await call(`POST ${PASSKEYS}`, { token: mine.token, body: { credential } })).body.code).toBe(
      'invalid_passkey',
    )
  })

  test('there are at most 20, even if two are added at once', async () => {
    const { token, user } = await newOwner()
    await sql.query(
      `insert into passkeys (id, user_id, rp_id, credential_id, public_key, counter, transports, name, is_synced)
       select gen_random_uuid(), $1, 'tollgate.test', sha256(gen_random_uuid()::text::bytea), '\\x00', 0, '[]', 'Passkey', true
       from generate_series(1, 18)`,
      [user.id],
    )
    const makers = await Promise.all([newAuthenticator(ORIGIN), newAuthenticator(ORIGIN)])
    const answers = await Promise.all(makers.map((one) => add(token, one)))
    expect(answers.map(({ status }) => status).toSorted(ascending)).toEqual([201, 403])
    expect(answers.find(({ status }) => status === 403)?.body.code).toBe('passkey_limit_reached')
  })

  test('needs the password or a passkey 15 minutes after the sign-in', async () => {
    const { token, user, password, authenticator } = await newOwner()
    await makeStale(user.id)
    const stale = await call(`POST ${PASSKEYS}/begin`, { token })
    expect([stale.status, stale.body.code]).toEqual([403, 'reauthentication_required'])
    expect((await call(`POST ${PASSKEYS}/begin`, { token, body: { password } })).status).toBe(200)
    const passkey = await prove(token, authenticator)
    expect((await call(`POST ${PASSKEYS}/reauthenticate`, { token, body: { passkey } })).status).toBe(204)
    expect((await call(`POST ${PASSKEYS}/begin`, { token })).status).toBe(200)
  })

  test('bad input is refused by name', async () => {
    const { token } = await newUser()
    const { status, body } = await call(`POST ${PASSKEYS}`, {
      token,
      body: {
        credential: { id: '!', rawId: 'ok', type: 'public-key', response: { clientDataJSON: 'e30' } },
        nmae: 'x',
      },
    })
    expect(status).toBe(400)
    expect(body.errors.map(({ path }: { path: string }) => path)).toEqual(
      expect.arrayContaining(['body.credential.id', 'body.credential.response.attestationObject', 'body.nmae']),
    )
  })
})

describe('POST /api/v1/auth/passkeys/sign-in', () => {
  test('text that is not base64url is refused by name, even where only its length is wrong', async () => {
    const response = { clientDataJSON: 'e30', authenticatorData: 'e30', signature: 'AAAAA' }
    const passkey = { id: 'AAAAA', rawId: 'AAA=', type: 'public-key', response }
    const { status, body } = await call(`POST ${PASSKEYS}/sign-in`, { body: { passkey } })
    expect(status).toBe(400)
    expect(body.errors.map(({ path }: { path: string }) => path)).toEqual([
      'body.passkey.id',
      'body.passkey.rawId',
      'body.passkey.response.signature',
    ])
  })

  test.each([
    ['from a page of another origin', { origin: 'https://evil.test' }],
    ['for another relying party', { rpId: 'evil.test' }],
    ['whose user the authenticator did not verify', { isVerified: false }],
    ['that is a registration', { type: 'webauthn.create' }],
    ['with a challenge that nobody gave out', { challenge: 'x'.repeat(43) }],
    ['that names another user', { userHandle: 'AAAAAAAAAAAAAAAAAAAAAA' }],
  ])('refuses a response %s', async (_, odd) => {
    const { authenticator } = await newOwner()
    const passkey = await authenticator.get(await beginSignIn(), odd)
    const { status, body } = await call(`POST ${PASSKEYS}/sign-in`, { body: { passkey } })
    expect([status, body.code]).toEqual([403, 'invalid_passkey'])
    expect((await signIn(authenticator)).status).toBe(200)
  })

  test('refuses a response that names no user', async () => {
    const { authenticator } = await newOwner()
    const passkey = await authenticator.get(await beginSignIn())
    const { userHandle: _, ...response } = passkey.response
    const { body } = await call(`POST ${PASSKEYS}/sign-in`, { body: { passkey: { ...passkey, response } } })
    expect(body.code).toBe('invalid_passkey')
  })

  test('a response signs in once, even if it is sent twice at once (ASVS 6.7.2)', async () => {
    const { authenticator } = await newOwner()
    const passkey = await authenticator.get(await beginSignIn())
    const answers = await Promise.all([1, 2].map(() => call(`POST ${PASSKEYS}/sign-in`, { body: { passkey } })))
    expect(answers.map(({ status }) => status).toSorted(ascending)).toEqual([200, 403])
  })

  test('refuses a challenge that expired', async () => {
    const { authenticator } = await newOwner()
    const options = await beginSignIn()
    await sql.query('update passkey_challenges set expires_at = now() where challenge_hash = sha256($1)', [
      options.challenge,
    ])
    const body = { passkey: await authenticator.get(options) }
    expect((await call(`POST ${PASSKEYS}/sign-in`, { body })).body.code).toBe('invalid_passkey')
  })

  test("refuses another passkey's signature over the same challenge", async () => {
    const [mine, theirs] = [await newOwner(), await newOwner()]
    const options = await beginSignIn()
    const [own, other] = [await mine.authenticator.get(options), await theirs.authenticator.get(options)]
    const forged = {
      ...own,
      id: other.id,
      rawId: other.id,
      response: { ...own.response, userHandle: other.response.userHandle },
    }
    expect((await call(`POST ${PASSKEYS}/sign-in`, { body: { passkey: forged } })).body.code).toBe('invalid_passkey')
  })

  test('a counter that does not increase reveals a copied authenticator (section 7.2, step 22)', async () => {
    const { authenticator } = await newOwner({ isSynced: false })
    expect((await signIn(authenticator)).status).toBe(200)
    expect((await signIn(authenticator, { counter: 1 })).body.code).toBe('invalid_passkey')
    expect((await signIn(authenticator)).status).toBe(200)
  })

  test('asks for no second factor: a passkey counts as two', async () => {
    const { token, authenticator } = await newOwner()
    const passkey = await prove(token, authenticator)
    expect((await call('POST /api/v1/auth/2fa/enable', { token, body: { passkey } })).status).toBe(200)
    expect((await signIn(authenticator)).body).toHaveProperty('access_token')
  })

  test('refuses a disabled account', async () => {
    const { user, authenticator } = await newOwner()
    await sql.query('update users set is_active = false where id = $1', [user.id])
    const { status, body } = await signIn(authenticator)
    expect([status, body.code]).toEqual([401, 'invalid_credentials'])
  })

  test('gives a cookie to a page of this deployment', async () => {
    const { authenticator } = await newOwner()
    const passkey = await authenticator.get(await beginSignIn())
    const foreign = await call('POST /api/v1/auth/browser/passkey', { body: { passkey } })
    expect(foreign.body.code).toBe('foreign_origin')
    const own = { body: { passkey }, headers: { Origin: ORIGIN } }
    const { status, headers, body } = await call('POST /api/v1/auth/browser/passkey', own)
    expect([status, body.refresh_token]).toEqual([200, undefined])
    expect(headers.get('Set-Cookie')).toContain('__Host-session=')
  })
})

describe('the list of passkeys', () => {
  test('renames and removes; a removed one no longer signs in, and other sessions end', async () => {
    const { token, passkey, authenticator, email } = await newOwner()
    const { body: other } = await signIn(authenticator)
    const renamed = await call(`PATCH ${PASSKEYS}/${passkey.id}`, { token, body: { name: ' Old phone ' } })
    expect(renamed.body).toMatchObject({ id: passkey.id, name: 'Old phone' })
    expect((await remove(token, passkey.id)).status).toBe(204)
    expect(await list(token)).toEqual([])
    expect((await signIn(authenticator)).body.code).toBe('invalid_passkey')
    expect((await call('GET /api/v1/auth/me', { token: other.access_token })).status).toBe(401)
    await mailTo(email, /^A passkey was removed/)
  })

  test("does not show, rename or remove passkeys of somebody else's account", async () => {
    const { passkey, token: theirs } = await newOwner()
    const { token } = await newUser()
    expect(await list(token)).toEqual([])
    expect((await call(`PATCH ${PASSKEYS}/${passkey.id}`, { token, body: { name: 'mine' } })).status).toBe(404)
    expect((await remove(token, passkey.id)).status).toBe(404)
    expect(await list(theirs)).toMatchObject([{ name: 'Passkey' }])
  })

  test('the last way to sign in stays, even if two are removed at once', async () => {
    const { token, user, passkey } = await newOwner()
    const second = await add(token, await newAuthenticator(ORIGIN))
    await sql.query('update users set password_hash = null where id = $1', [user.id])
    const answers = await Promise.all([passkey.id, second.body.id].map((id) => remove(token, id)))
    expect(answers.map(({ status }) => status).toSorted(ascending)).toEqual([204, 409])
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe('last_way_in')
  })

  test('a passkey for another address of the deployment is marked as such and cannot sign in', async () => {
    const { token, user, passkey, authenticator } = await newOwner()
    const kept = await add(token, await newAuthenticator(ORIGIN))
    await sql.query(`update passkeys set rp_id = 'former.test' where id = $1`, [passkey.id])
    await sql.query('update users set password_hash = null where id = $1', [user.id])
    expect((await list(token)).map((one: { works_here: boolean }) => one.works_here)).toEqual([true, false])
    expect((await signIn(authenticator)).body.code).toBe('invalid_passkey')
    expect((await remove(token, kept.body.id)).body.code).toBe('last_way_in')
  })

  test('the export of an account includes them, without their keys', async () => {
    const { token, passkey } = await newOwner()
    const { body } = await call('GET /api/v1/auth/me/export', { token })
    expect(body.passkeys).toEqual([passkey])
  })
})
