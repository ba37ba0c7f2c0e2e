import { describe, expect, test } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { call, newUser } from '../../../support/http.ts'
import { mailTo, SUBJECTS, tokenIn } from '../../../support/mail.ts'
import { newPerson, signInWith, visit } from '../../../support/providers.ts'
import { makeStale } from '../../../support/stale-session.ts'

const { sql } = directly()
const IDENTITIES = '/api/v1/auth/identities'

const link = (token: string, body: unknown, headers: Record<string, string> = {}) =>
  call(`POST ${IDENTITIES}`, { token, body, headers })
const list = async (token: string) => (await call(`GET ${IDENTITIES}`, { token })).body.data
const unlink = (token: string, id: string, body?: unknown) =>
  call(`DELETE ${IDENTITIES}/${id}`, { token, ...(body !== undefined && { body }) })

async function withIdentity(person = newPerson()) {
  const owner = await newUser()
  const { proof } = await visit(person)
  const { body } = await link(owner.token, proof)
  return { ...owner, person, identity: body }
}

describe('POST /api/v1/auth/identities', () => {
  test('links an identity with any address; it signs in to that account from then on, and the owner is notified', async () => {
    const { token, user, email, person, identity } = await withIdentity()
    expect(identity).toMatchObject({ provider: 'local', provider_name: 'Local', email: person.email })
    const { body } = await signInWith(person)
    expect((await call('GET /api/v1/auth/me', { token: body.access_token })).body.id).toBe(user.id)
    expect(await list(token)).toHaveLength(1)
    await mailTo(email, /^Another way to sign in was added/)
  })

  test('an identity linked twice exists once', async () => {
    const { token, person, identity } = await withIdentity()
    const { proof } = await visit(person)
    const again = await link(token, proof)
    expect([again.status, again.body.id]).toEqual([200, identity.id])
    expect(await list(token)).toHaveLength(1)
  })

  test('a retry after a lost response gets the first response', async () => {
    const { token } = await newUser()
    const { proof } = await visit(newPerson())
    const key = { 'Idempotency-Key': crypto.randomUUID() }
    const [first, second] = [await link(token, proof, key), await link(token, proof, key)]
    expect(second.body).toEqual(first.body)
    expect(second.headers.get('Idempotent-Replayed')).toBe('true')
  })

  test('an identity of another account is refused and stays with that account', async () => {
    const { person, token: theirs } = await withIdentity()
    const { token } = await newUser()
    const { proof } = await visit(person)
    const { status, body } = await link(token, proof)
    expect([status, body.code]).toEqual([409, 'identity_taken'])
    expect([await list(token), await list(theirs)]).toMatchObject([[], [{ provider: 'local' }]])
  })

  test('asks for the password before it uses the code if the sign-in is old', async () => {
    const { token, user, password } = await newUser()
    await makeStale(user.id)
    const { proof } = await visit(newPerson())
    const without = await link(token, proof)
    expect([without.status, without.body.code]).toEqual([403, 'reauthentication_required'])
    expect((await link(token, { ...proof, password: 'not the one' })).body.code).toBe('wrong_password')
    expect((await link(token, { ...proof, password })).status).toBe(200)
  })

  test('an identity that was linked before its owner confirmed the address is removed when they do', async () => {
    const { token, email, user } = await withIdentity()
    const sent = await call('POST /api/v1/auth/password/reset', { body: { email } })
    expect(sent.status).toBe(202)
    const mailed = tokenIn(await mailTo(email, SUBJECTS.reset))
    await call('POST /api/v1/auth/password/reset/confirm', {
      body: { token: mailed, new_password: 'quite another one 7' },
    })
    const [row] = await sql.query('select count(*)::int as n from identities where user_id = $1', [user.id])
    expect([row?.n, (await call('GET /api/v1/auth/me', { token })).status]).toEqual([0, 401])
  })
})

describe('DELETE /api/v1/auth/identities/{id}', () => {
  test('unlinks it, ends the other sessions and notifies the owner', async () => {
    const { token, email, person, identity } = await withIdentity()
    const { body: other } = await signInWith(person)
    expect((await unlink(token, identity.id)).status).toBe(204)
    expect(await list(token)).toEqual([])
    expect((await call('GET /api/v1/auth/me', { token: other.access_token })).status).toBe(401)
    await mailTo(email, /^A way to sign in was removed/)
  })

  test('never removes the last way to sign in', async () => {
    const { body } = await signInWith(newPerson())
    const [only] = await list(body.access_token)
    const refused = await unlink(body.access_token, only.id)
    expect([refused.status, refused.body.code]).toEqual([409, 'last_way_in'])
    expect(await list(body.access_token)).toHaveLength(1)
  })

  test('removes only one of two without a password, even if both are requested at once', async () => {
    const { body } = await signInWith(newPerson())
    const token = body.access_token
    await link(token, (await visit(newPerson(), 'github')).proof)
    const both = await list(token)
    const answers = await Promise.all(both.map(({ id }: { id: string }) => unlink(token, id)))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 409])
    expect(await list(token)).toHaveLength(1)
  })

  test('an identity of a provider that is no longer configured is not another way to sign in', async () => {
    const { body } = await signInWith(newPerson())
    const token = body.access_token
    const { body: me } = await call('GET /api/v1/auth/me', { token })
    await sql.query(
      `insert into identities (id, user_id, provider, issuer, subject) values (gen_random_uuid(), $1::uuid, 'gone', 'https://gone.example', $1::uuid::text)`,
      [me.id],
    )
    const mine = (await list(token)).find(({ provider }: { provider: string }) => provider === 'local')
    expect((await unlink(token, mine.id)).body.code).toBe('last_way_in')
  })

  test('an identity whose provider has a new id in the settings still counts and is shown under the new id', async () => {
    const { body } = await signInWith(newPerson())
    const token = body.access_token
    await link(token, (await visit(newPerson(), 'github')).proof)
    const { body: me } = await call('GET /api/v1/auth/me', { token })
    await sql.query(`update identities set provider = 'former' where user_id = $1`, [me.id])
    const shown = await list(token)
    expect(shown.map(({ provider }: { provider: string }) => provider)).toEqual(['github', 'local'])
    expect((await unlink(token, shown[0].id)).status).toBe(204)
  })

  test('somebody else`s identity is not found and stays', async () => {
    const { identity, token: theirs } = await withIdentity()
    const { token } = await newUser()
    expect((await unlink(token, identity.id)).status).toBe(404)
    expect(await list(theirs)).toHaveLength(1)
  })

  test('asks for the password if the sign-in is old', async () => {
    const { token, user, password, identity } = await withIdentity()
    await makeStale(user.id)
    expect((await unlink(token, identity.id)).body.code).toBe('reauthentication_required')
    expect((await unlink(token, identity.id, { password })).status).toBe(204)
  })
})

describe('an account without a password', () => {
  test('may do what otherwise needs the password while its sign-in is fresh, but not later', async () => {
    const { body } = await signInWith(newPerson())
    const token = body.access_token
    const { body: me } = await call('GET /api/v1/auth/me', { token })
    await makeStale(me.id)
    const late = await call('DELETE /api/v1/auth/me', { token, body: {} })
    expect([late.status, late.body.code]).toEqual([403, 'reauthentication_required'])
    await sql.query('update sessions set created_at = now() where user_id = $1', [me.id])
    expect((await call('DELETE /api/v1/auth/me', { token, body: {} })).status).toBe(204)
  })

  test('with a password needs it, however fresh the sign-in is', async () => {
    const { token } = await newUser()
    const { status, body } = await call('DELETE /api/v1/auth/me', { token, body: {} })
    expect([status, body.errors?.[0]?.path]).toEqual([400, 'body.password'])
  })

  test('has its identities in its data export', async () => {
    const { token, person } = await withIdentity()
    const { body } = await call('GET /api/v1/auth/me/export', { token })
    expect(body.identities).toEqual([expect.objectContaining({ provider: 'local', email: person.email })])
  })
})
