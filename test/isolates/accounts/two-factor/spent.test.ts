import { afterEach, describe, expect, test, vi } from 'vitest'
import { breakStatement } from '../../../support/broken-stores.ts'
import { call } from '../../../support/http.ts'
import { codeOf, newTwoFactorUser } from '../../../support/two-factor.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

type Person = Awaited<ReturnType<typeof newTwoFactorUser>>

/** A code of the authenticator that was not used to switch it on. */
function nextCode({ secret }: Person): string {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 30_000 })
  return codeOf(secret)
}

async function challengeOf({ email, password }: Person): Promise<string> {
  const { body } = await call('POST /api/v1/auth/login', { body: { email, password } })
  return body.challenge_token
}

describe('a code of the second factor is spent when something came of it, and only then', () => {
  test.each([
    ['an authenticator', nextCode],
    ['paper', ({ backupCodes: [first] }: Person) => first],
  ])('at a sign-in, from %s', async (_, codeFor) => {
    const person = await newTwoFactorUser()
    const challenge_token = await challengeOf(person)
    const code = codeFor(person)
    const finish = () => call('POST /api/v1/auth/2fa/verify', { body: { challenge_token, code } })
    breakStatement('insert into "sessions"')
    expect((await finish()).status).toBe(503)
    vi.restoreAllMocks()
    expect((await finish()).status).toBe(200)
    const again = { challenge_token: await challengeOf(person), code }
    expect((await call('POST /api/v1/auth/2fa/verify', { body: again })).body.code).toBe('invalid_code')
  })

  test.each([
    ['switched off', 'delete from "totp_credentials"', '2fa/disable', 204],
    ['renewed', 'delete from "backup_codes"', '2fa/backup-codes', 200],
    ['given for another address', 'insert into "email_tokens"', 'email/change', 202],
  ])('when it is %s', async (_, statement, path, status) => {
    const person = await newTwoFactorUser()
    const [code] = person.backupCodes
    const fields = path === 'email/change' ? { new_email: `new-${crypto.randomUUID()}@example.com` } : {}
    const body = { password: person.password, code, ...fields }
    const ask = () => call(`POST /api/v1/auth/${path}`, { token: person.token, body })
    breakStatement(statement)
    expect((await ask()).status).toBe(503)
    vi.restoreAllMocks()
    expect((await ask()).status).toBe(status)
  })

  test('when an account is deleted', async () => {
    const person = await newTwoFactorUser()
    const body = { password: person.password, code: person.backupCodes[0] }
    const ask = () => call('DELETE /api/v1/auth/me', { token: person.token, body })
    breakStatement('delete from "users"')
    expect((await ask()).status).toBe(503)
    vi.restoreAllMocks()
    expect((await ask()).status).toBe(204)
  })
})
