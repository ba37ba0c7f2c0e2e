import { afterEach, describe, expect, test, vi } from 'vitest'
import { directly, withoutRequestId } from '../../../support/direct.ts'
import { administrator, call, newUser } from '../../../support/http.ts'
import { confirmAddress, mailsTo, mailTo, resetToken, SUBJECTS, tokenIn } from '../../../support/mail.ts'
import { codeOf, newTwoFactorUser } from '../../../support/two-factor.ts'

vi.setConfig({ testTimeout: 30_000 }) // hashing takes its time where many tests run at once
afterEach(() => vi.useRealTimers())

const MINUTE = 60_000
const newAddress = () => `moved-${crypto.randomUUID()}@example.com`
const change = (token: string, body: Record<string, unknown>) => call('POST /api/v1/auth/email/change', { token, body })
/** With a session, or else with the password that all users have here. */
const confirm = (token: string, accessToken?: string) =>
  accessToken
    ? call('POST /api/v1/auth/email/change/confirm', { body: { token }, token: accessToken })
    : call('POST /api/v1/auth/email/change/confirm', { body: { token, password: 'correct horse battery' } })
const login = (email: string, password: string) => call('POST /api/v1/auth/login', { body: { email, password } })
const heirOf = (email: string) =>
  call('POST /api/v1/auth/register', { body: { email, password: 'correct horse battery' } })
const me = (token: string) => call('GET /api/v1/auth/me', { token })

/** Requests a new address. @returns it, and the token that was sent there */
async function asked(person: { token: string; password: string }, new_email = newAddress()) {
  expect(await change(person.token, { new_email, password: person.password })).toMatchObject({ status: 202, body: '' })
  return { new_email, token: tokenIn(await mailTo(new_email, SUBJECTS.change)) }
}

describe('a change of address', () => {
  test('takes effect once the new address confirms it; the old one is notified twice (v5.0.0-6.3.7)', async () => {
    const person = await newUser()
    const { new_email, token } = await asked(person)
    const first = await mailTo(person.email, /^A new email address was requested/)
    expect(first.text).not.toContain(new_email)
    expect(first.links).toEqual([])
    expect((await me(person.token)).body.email).toBe(person.email)

    expect(await confirm(token)).toMatchObject({ status: 204, body: '' })
    await mailTo(person.email, /^Your email address was changed/)
    const tokens = await login(new_email, person.password)
    expect((await me(tokens.body.access_token)).body).toMatchObject({ email: new_email, is_verified: true })
    expect((await login(person.email, person.password)).status).toBe(401)
  })

  test('leaves both actions in the audit log, with neither address in full', async () => {
    const person = await newUser()
    const { token, new_email } = await asked(person)
    await confirm(token)
    const rows = await directly().sql.query(
      `select action, detail from audit_logs where target_id = $1 and action like 'email.change%' order by id`,
      [person.user.id],
    )
    expect(rows.map(({ action }) => action)).toEqual(['email.change_requested', 'email.changed'])
    expect(JSON.stringify(rows)).not.toMatch(new RegExp(`${person.email}|${new_email}`))
    expect(rows[1]?.detail).toEqual({ from: 'p…@example.com', to: 'm…@example.com' })
  })

  test('ends the other sessions, or all of them if no session confirms it (v5.0.0-7.4.3)', async () => {
    const person = await newUser()
    const other = (await login(person.email, person.password)).body
    const first = await asked(person)
    expect((await confirm(first.token, person.token)).status).toBe(204)
    expect((await me(person.token)).status).toBe(200)
    expect((await me(other.access_token)).status).toBe(401)

    const second = await asked(person)
    expect((await confirm(second.token)).status).toBe(204)
    expect((await me(person.token)).status).toBe(401)
  })

  test('invalidates links that were sent to the old address', async () => {
    const person = await newUser()
    const reset = await resetToken(person.email)
    await confirm((await asked(person)).token)
    const answer = await call('POST /api/v1/auth/password/reset/confirm', {
      body: { token: reset, new_password: 'seven purple lanterns' },
    })
    expect(answer.body.code).toBe('invalid_token')
  })

  test('frees the old address for somebody else, who gets nothing of the first account (v5.0.0-10.3.3)', async () => {
    const person = await newUser()
    const { token } = await asked(person)
    await confirm(token, person.token)
    const heir = await heirOf(person.email)
    expect(heir.status).toBe(201)
    expect(heir.body.id).not.toBe(person.user.id)
    expect((await me(person.token)).body.id).toBe(person.user.id)
  })
})

describe('v5.0.0-7.5.1 asking for another address takes more than a token', () => {
  test('without the password, or with a wrong one, nothing is sent', async () => {
    const person = await newUser()
    const new_email = newAddress()
    const without = await change(person.token, { new_email })
    expect(without).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(without.body.errors[0].path).toBe('body.password')
    const wrong = await change(person.token, { new_email, password: 'not my password' })
    expect(wrong).toMatchObject({ status: 403, body: { code: 'wrong_password' } })
    expect((await call('POST /api/v1/auth/email/change', { body: { new_email, password: 'x' } })).status).toBe(401)
    await asked(person) // deferred work has finished
    expect(await mailsTo(new_email)).toEqual([])
  })

  test('with a second factor, the password alone is not enough; a TOTP or a backup code is, once', async () => {
    const person = await newTwoFactorUser()
    const wanted = (code?: string) =>
      change(person.token, { new_email: newAddress(), password: person.password, ...(code && { code }) })
    expect(await wanted()).toMatchObject({ status: 403, body: { code: 'invalid_code' } })
    expect(await wanted('000000')).toMatchObject({ status: 403, body: { code: 'invalid_code' } })
    expect((await wanted(person.backupCodes[0])).status).toBe(202)
    expect((await wanted(person.backupCodes[0])).status).toBe(403)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 30_000 })
    expect((await wanted(codeOf(person.secret))).status).toBe(202)
  })

  test('five attempts an hour are checked', async () => {
    const person = await newUser()
    const answers = []
    for (let count = 0; count < 6; count++)
      answers.push(await change(person.token, { new_email: newAddress(), password: 'not my password' }))
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 429])
    expect(answers.at(-1)?.headers.get('RateLimit-Policy')).toBe('"email_change_account";q=5;w=3600')
  })
})

describe('v5.0.0-6.4.1 the token of a change', () => {
  test.each([
    ['works at an hour less a second', 60 * MINUTE - 1_000, 204],
    ['is dead at an hour', 60 * MINUTE, 400],
  ])('%s', async (_, after, status) => {
    const { token, new_email } = await asked(await newUser())
    const [row] = await directly().sql.query(`select created_at from email_tokens where email = $1`, [new_email])
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(row?.created_at).getTime() + after })
    expect((await confirm(token)).status).toBe(status)
  })

  test('works once, even if it is used twenty times at once', async () => {
    const person = await newUser()
    const { token } = await asked(person)
    const answers = await Promise.all(Array.from({ length: 20 }, () => confirm(token, person.token)))
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1)
    const [row] = await directly().sql.query(
      `select count(*)::int as acts from audit_logs where target_id = $1 and action = 'email.changed'`,
      [person.user.id],
    )
    expect(row?.acts).toBe(1)
  })

  test('is invalidated by a newer request, a new password and a disabled account (v5.0.0-6.6.2)', async () => {
    const [again, changed, banned] = await Promise.all([newUser(), newUser(), newUser()])
    const first = await asked(again)
    const second = await asked(again)
    const ofChanged = await asked(changed)
    const ofBanned = await asked(banned)
    await call('POST /api/v1/auth/password/change', {
      token: changed.token,
      body: { current_password: changed.password, new_password: 'seven purple lanterns' },
    })
    await directly().sql.query('update users set is_active = false where id = $1', [banned.user.id])
    for (const { token } of [first, ofChanged, ofBanned]) expect((await confirm(token)).body.code).toBe('invalid_token')
    expect((await confirm(second.token)).status).toBe(204)
  })

  test('is invalidated by a reset: an intruder who requested the change loses', async () => {
    const person = await newUser()
    const { token } = await asked(person)
    await call('POST /api/v1/auth/password/reset/confirm', {
      body: { token: await resetToken(person.email), new_password: 'seven purple lanterns' },
    })
    expect((await confirm(token)).body.code).toBe('invalid_token')
  })

  test('is refused like any other if its address was taken meanwhile, and changes nothing', async () => {
    const person = await newUser()
    const { token, new_email } = await asked(person)
    await heirOf(new_email)
    const proof = { token: tokenIn(await mailTo(new_email, SUBJECTS.verify)), password: person.password }
    expect((await call('POST /api/v1/auth/email/verify', { body: proof })).status).toBe(204)
    const taken = await confirm(token)
    expect(taken.status).toBe(400)
    expect(withoutRequestId(taken.body)).toEqual(withoutRequestId((await confirm('no token')).body))
    expect((await me(person.token)).body.email).toBe(person.email)
  })

  test('only one of two people with the same new address gets it', async () => {
    const [one, two] = await Promise.all([newUser(), newUser()])
    const new_email = newAddress()
    const first = await asked(one, new_email)
    await change(two.token, { new_email, password: two.password })
    const second = tokenIn(await mailTo(new_email, SUBJECTS.change, 2))
    const answers = await Promise.all([confirm(first.token), confirm(second)])
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 400])
  })
})

describe('asking for an address', () => {
  test('v5.0.0-6.3.8 that has an account gets the usual response; its owner is notified, and no link is sent', async () => {
    const [person, owner] = await Promise.all([newUser(), newUser()])
    await confirmAddress(owner.email)
    const taken = await change(person.token, { new_email: owner.email, password: person.password })
    const free = await change(person.token, { new_email: newAddress(), password: person.password })
    expect(taken).toMatchObject({ status: 202, body: '' })
    expect([...taken.headers.keys()]).toEqual([...free.headers.keys()])
    const mail = await mailTo(owner.email, SUBJECTS.inUse)
    expect(mail.links).toEqual([])
    expect((await mailsTo(owner.email)).filter(({ subject }) => SUBJECTS.change.test(subject))).toEqual([])
  })

  test('that is the current one, in any case, is refused by its field', async () => {
    const person = await newUser()
    const { status, body } = await change(person.token, {
      new_email: person.email.toUpperCase(),
      password: person.password,
    })
    expect(status).toBe(400)
    expect(body.errors[0].path).toBe('body.new_email')
  })

  test('is forbidden in a support session', async () => {
    const person = await newUser()
    const support = await call(`POST /api/v1/admin/users/${person.user.id}/impersonate`, {
      token: await administrator(),
      body: { reason: 'a question about an invoice' },
    })
    const answer = await change(support.body.access_token, { new_email: newAddress(), password: person.password })
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden_while_impersonating' } })
  })
})
