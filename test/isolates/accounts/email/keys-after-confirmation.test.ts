import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { newKeyHolder, newUser } from '../../../support/http.ts'
import { mailTo, SUBJECTS, tokenIn } from '../../../support/mail.ts'
import { newApplication, newRequest } from '../../../support/oauth.ts'
import { workerWith } from '../../../support/variant.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { call } = workerWith({ EMAIL_VERIFICATION: 'keys' })
const as = (token: string) => ({ Authorization: `Bearer ${token}` })
const ask = (line: string, token: string, body?: unknown) => call(line, body, undefined, as(token))

describe('where keys are for people with a confirmed address, somebody without one', () => {
  test('signs in, and gets a key as soon as the address is confirmed', async () => {
    const credentials = { email: `keys-${crypto.randomUUID()}@example.com`, password: 'correct horse battery' }
    const registered = await call('POST /api/v1/auth/register', credentials)
    expect(registered.body.keys_need_confirmation).toBe(true)
    const { access_token: token } = (await call('POST /api/v1/auth/login', credentials)).body
    const refused = await ask('POST /api/v1/auth/api-keys', token, { name: 'First' })
    expect(refused).toMatchObject({ status: 403, body: { code: 'email_unconfirmed' } })
    await call('POST /api/v1/auth/email/verify', {
      token: tokenIn(await mailTo(credentials.email, SUBJECTS.verify)),
      password: credentials.password,
    })
    expect((await ask('POST /api/v1/auth/api-keys', token, { name: 'First' })).status).toBe(201)
    expect((await ask('GET /api/v1/auth/me', token)).body.keys_need_confirmation).toBe(false)
  })

  test.each([
    ['issued', 'POST /api/v1/auth/api-keys', { name: 'New' }],
    ['issued at the other address', 'POST /api/v1/auth/api-keys/generate', { name: 'New' }],
    ['rotated', 'POST /api/v1/auth/api-keys/{id}/rotate', {}],
    ['imported', 'POST /api/v1/auth/api-keys/import', { keys: [] }],
  ])('has no key %s', async (_, line, body) => {
    const { token, keyId } = await newKeyHolder()
    expect((await ask(line.replace('{id}', keyId), token, body)).body.code).toBe('email_unconfirmed')
  })

  test('can revoke keys and read', async () => {
    const { token, keyId } = await newKeyHolder()
    expect((await ask('GET /api/v1/auth/api-keys', token)).status).toBe(200)
    expect((await ask(`DELETE /api/v1/auth/api-keys/${keyId}`, token)).status).toBe(204)
  })

  test('can authorize neither an application nor a device', async () => {
    const { token, user } = await newUser()
    const { request } = newRequest(await newApplication())
    const decided = await ask('POST /api/v1/auth/authorizations/decide', token, {
      ...request,
      for: user.organization_id,
      decision: 'approve',
    })
    expect(decided.body.code).toBe('email_unconfirmed')
  })

  test('is not affected elsewhere: their key issues keys, and so does a confirmed member', async () => {
    const { key, token, user } = await newKeyHolder({ scopes: ['tollgate:keys:write'] })
    expect((await ask('POST /api/v1/auth/api-keys', key, { name: 'By a key' })).status).toBe(201)
    await directly().sql.query('update users set email_verified_at = now() where id = $1', [user.id])
    expect((await ask('POST /api/v1/auth/api-keys', token, { name: 'By a member' })).status).toBe(201)
  })
})
