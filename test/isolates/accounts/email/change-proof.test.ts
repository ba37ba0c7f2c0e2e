/** A person who opens a link that they never requested gives their address to nobody's account. */
import { describe, expect, test } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { administrator, call, newUser } from '../../../support/http.ts'
import { mailTo, SUBJECTS, tokenIn } from '../../../support/mail.ts'

const { sql } = directly()

/** A user who requests somebody else's address or another one of theirs, and the token that is sent there. */
async function asked() {
  const person = await newUser()
  const new_email = `moved-${crypto.randomUUID()}@example.com`
  const { token: access, password } = person
  await call('POST /api/v1/auth/email/change', { token: access, body: { new_email, password } })
  const token = tokenIn(await mailTo(new_email, SUBJECTS.change))
  const confirm = (more: { token?: string; password?: string } = {}) =>
    call('POST /api/v1/auth/email/change/confirm', {
      body: { token, ...(more.password !== undefined && { password: more.password }) },
      ...(more.token && { token: more.token }),
    })
  const address = async () => (await sql.query('select email from users where id = $1', [person.user.id]))[0]?.email
  return { person, new_email, confirm, address }
}

describe('the link of a change of address', () => {
  test.each([
    ['alone', async () => ({}), 401, 'unauthenticated'],
    ['with the session of somebody else', async () => ({ token: (await newUser()).token }), 401, 'unauthenticated'],
    ['with a token that is none', async () => ({ token: 'a.b.c' }), 401, 'unauthenticated'],
    ['with a wrong password', async () => ({ password: 'not the password' }), 403, 'wrong_password'],
  ])('%s changes nothing, and the link stays valid', async (_, proof, status, code) => {
    const { person, new_email, confirm, address } = await asked()
    expect(await confirm(await proof())).toMatchObject({ status, body: { code } })
    expect(await address()).toBe(person.email)
    expect((await confirm({ password: person.password })).status).toBe(204)
    expect(await address()).toBe(new_email)
  })

  test('requires the session of an account without a password', async () => {
    const { person, new_email, confirm, address } = await asked()
    await sql.query('update users set password_hash = null where id = $1', [person.user.id])
    expect((await confirm({ password: person.password })).body.code).toBe('wrong_password')
    expect((await confirm({ token: person.token })).status).toBe(204)
    expect(await address()).toBe(new_email)
  })

  test('does nothing in a support session', async () => {
    const { person, confirm, address } = await asked()
    const { body } = await call(`POST /api/v1/admin/users/${person.user.id}/impersonate`, {
      token: await administrator(),
      body: { reason: 'a question about an invoice' },
    })
    expect((await confirm({ token: body.access_token })).body.code).toBe('forbidden_while_impersonating')
    expect(await address()).toBe(person.email)
  })

  test('does not let anybody guess the password', async () => {
    const { confirm } = await asked()
    const answers = []
    for (let count = 0; count < 10; count++) answers.push(await confirm({ password: 'not the password' }))
    expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: 9 }, () => 403), 429])
  })
})
