/** Who opens a link that they never asked for confirms nobody's account. */
import { describe, expect, test } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { administrator, call, newUser, registeredUser } from '../../../support/http.ts'
import { mailTo, resetToken, SUBJECTS, tokenIn } from '../../../support/mail.ts'

const { sql } = directly()

/** Somebody who registered an address, theirs or a stranger's, and the token that was sent there. */
async function registered() {
  const person = await registeredUser()
  const token = tokenIn(await mailTo(person.email, SUBJECTS.verify))
  const verify = (more: { token?: string; password?: string } = {}) =>
    call('POST /api/v1/auth/email/verify', {
      body: { token, ...(more.password !== undefined && { password: more.password }) },
      ...(more.token && { token: more.token }),
    })
  const isConfirmed = async () => {
    const [row] = await sql.query('select email_verified_at from users where id = $1', [person.user.id])
    return row?.email_verified_at !== null
  }
  return { person, verify, isConfirmed }
}

describe('the link that confirms an address', () => {
  test.each([
    ['alone', async () => ({}), 401, 'unauthenticated'],
    ['with the session of somebody else', async () => ({ token: (await newUser()).token }), 401, 'unauthenticated'],
    ['with a token that is none', async () => ({ token: 'a.b.c' }), 401, 'unauthenticated'],
    ['with a wrong password', async () => ({ password: 'not the password' }), 403, 'wrong_password'],
  ])('%s confirms nothing, and is not used up', async (_, proof, status, code) => {
    const { person, verify, isConfirmed } = await registered()
    expect(await verify(await proof())).toMatchObject({ status, body: { code } })
    expect(await isConfirmed()).toBe(false)
    expect((await verify({ password: person.password })).status).toBe(204)
    expect(await isConfirmed()).toBe(true)
  })

  test('takes the session of the account instead of its password', async () => {
    const { person, verify, isConfirmed } = await registered()
    expect((await verify({ token: person.token })).status).toBe(204)
    expect(await isConfirmed()).toBe(true)
  })

  test('does nothing in a support session', async () => {
    const { person, verify, isConfirmed } = await registered()
    const { body } = await call(`POST /api/v1/admin/users/${person.user.id}/impersonate`, {
      token: await administrator(),
      body: { reason: 'a question about an invoice' },
    })
    expect((await verify({ token: body.access_token })).body.code).toBe('forbidden_while_impersonating')
    expect(await isConfirmed()).toBe(false)
  })

  test('lets nobody guess the password', async () => {
    const { verify } = await registered()
    const answers = []
    for (let count = 0; count < 10; count++) answers.push((await verify({ password: 'not the password' })).status)
    expect(answers).toEqual(Array.from({ length: 10 }, () => 403))
    expect((await verify({ password: 'not the password' })).status).toBe(429)
  })

  test('leaves the owner of the address the reset, which clears the account of the stranger', async () => {
    const { person, verify } = await registered()
    expect((await verify()).body.detail).toContain('reset its password')
    const token = await resetToken(person.email)
    const reset = { token, new_password: 'seven purple lanterns' }
    expect((await call('POST /api/v1/auth/password/reset/confirm', { body: reset })).status).toBe(204)
    expect((await call('GET /api/v1/auth/me', { token: person.token })).status).toBe(401)
  })
})
