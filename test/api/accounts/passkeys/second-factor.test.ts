import { describe, expect, test } from 'vitest'
import { newAuthenticator } from '../../../support/authenticator.ts'
import { directly } from '../../../support/direct.ts'
import { call } from '../../../support/http.ts'
import { add, newOwner, ORIGIN, prove, remove } from '../../../support/passkeys.ts'

const { sql } = directly()

describe('a passkey as second factor', () => {
  const login = async (owner: { email: string; password: string }) =>
    (await call('POST /api/v1/auth/login', { body: { email: owner.email, password: owner.password } })).body

  async function withFactor() {
    const owner = await newOwner()
    const passkey = await prove(owner.token, owner.authenticator)
    const { body } = await call('POST /api/v1/auth/2fa/enable', { token: owner.token, body: { passkey } })
    return { ...owner, backupCodes: body.backup_codes as string[] }
  }

  test('answers the challenge after a password', async () => {
    const owner = await withFactor()
    const challenge = await login(owner)
    expect(challenge).toMatchObject({ two_factor_required: true, methods: ['passkey', 'backup_code'] })
    const { challenge_token } = challenge
    const { body: options } = await call('POST /api/v1/auth/2fa/passkey', { body: { challenge_token } })
    expect(options.allowCredentials).toMatchObject([{ id: owner.authenticator.id }])
    const body = { challenge_token, passkey: await owner.authenticator.get(options) }
    expect((await call('POST /api/v1/auth/2fa/verify', { body })).body).toHaveProperty('access_token')
    expect((await call('POST /api/v1/auth/2fa/verify', { body })).body.code).toBe('invalid_challenge')
  })

  test("is refused if it is somebody else's, or comes together with a code", async () => {
    const [owner, other] = [await withFactor(), await newOwner()]
    const { challenge_token } = await login(owner)
    const { body: options } = await call('POST /api/v1/auth/2fa/passkey', { body: { challenge_token } })
    const passkey = await other.authenticator.get(options)
    const refused = await call('POST /api/v1/auth/2fa/verify', { body: { challenge_token, passkey } })
    expect([refused.status, refused.body.code]).toEqual([403, 'invalid_passkey'])
    const both = await call('POST /api/v1/auth/2fa/verify', { body: { challenge_token, passkey, code: '123456' } })
    expect([both.status, both.body.errors[0].path]).toEqual([400, 'body.code'])
  })

  test('can be replaced by a backup code', async () => {
    const owner = await withFactor()
    const { challenge_token } = await login(owner)
    const body = { challenge_token, code: owner.backupCodes[0] }
    expect((await call('POST /api/v1/auth/2fa/verify', { body })).body).toHaveProperty('access_token')
  })

  test('cannot be removed if it is the last one, until two-factor is disabled', async () => {
    const { token, passkey, password, authenticator } = await withFactor()
    const kept = await remove(token, passkey.id)
    expect([kept.status, kept.body.code]).toEqual([409, 'passkey_is_second_factor'])
    const proof = await prove(token, authenticator)
    expect((await call('POST /api/v1/auth/2fa/disable', { token, body: { password, passkey: proof } })).status).toBe(
      204,
    )
    expect((await remove(token, passkey.id)).status).toBe(204)
  })

  test('for a former address does not replace the last one that works', async () => {
    const { token, passkey } = await withFactor()
    const former = await add(token, await newAuthenticator(ORIGIN))
    await sql.query(`update passkeys set rp_id = 'former.test' where id = $1`, [former.body.id])
    expect((await remove(token, passkey.id)).body.code).toBe('passkey_is_second_factor')
    expect((await remove(token, former.body.id)).status).toBe(204)
  })

  test('proves one use only, and only for its owner', async () => {
    const { token, authenticator } = await withFactor()
    const passkey = await prove(token, authenticator)
    const renew = () => call('POST /api/v1/auth/2fa/backup-codes', { token, body: { passkey } })
    expect([(await renew()).status, (await renew()).body.code]).toEqual([200, 'invalid_passkey'])
  })
})
