import { afterEach, describe, expect, test, vi } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { failFor, failMail } from '../../../support/faults.ts'
import { call, newUser } from '../../../support/http.ts'
import { mailsTo, mailTo, resetToken, SUBJECTS, tokenIn } from '../../../support/mail.ts'

vi.setConfig({ testTimeout: 30_000 }) // hashing takes its time where many tests run at once
afterEach(() => vi.restoreAllMocks())

const password = 'correct horse battery'
const new_password = 'seven purple lanterns'
const newEmail = () => `fault-${crypto.randomUUID()}@example.com`
const register = (email: string, fields = {}) =>
  call('POST /api/v1/auth/register', { body: { email, password, ...fields } })
const confirmReset = (token: string) =>
  call('POST /api/v1/auth/password/reset/confirm', { body: { token, new_password } })
const login = (email: string, given: string) => call('POST /api/v1/auth/login', { body: { email, password: given } })

describe('POST /api/v1/auth/register, /auth/password/reset: F52 F53 while the email provider fails or is slow', () => {
  test.each([
    ['is slow', { kind: 'delay', value: 4_000 }],
    ['answers 500', { kind: 'status', value: 500 }],
    ['drops the connection', { kind: 'reset_before' }],
  ])('and %s, registrations and reset requests are answered immediately, as usual', async (_, fault) => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const email = newEmail()
    await failMail(email, { ...fault, count: 20 }) // also what a job of another test may try meanwhile
    expect((await register(email)).status).toBe(201)
    expect(await call('POST /api/v1/auth/password/reset', { body: { email } })).toMatchObject({ status: 202, body: '' })
    expect(await mailsTo(email)).toEqual([])
    const [row] = await directly().sql.query(
      `select count(*)::int as kept from mail_outbox where recipient = $1 and text is not null`,
      [email],
    )
    expect(row?.kept).toBeGreaterThan(0)
  })

  test('a link that arrives late works as well as one that arrives on time', async () => {
    const email = newEmail()
    await failMail(email, { kind: 'delay', value: 1_500, count: 1 })
    await register(email)
    const token = tokenIn(await mailTo(email, SUBJECTS.verify))
    expect((await call('POST /api/v1/auth/email/verify', { body: { token, password } })).status).toBe(204)
  })
})

describe('v5.0.0-2.3.3 all of it happens or nothing', () => {
  const traces = async (email: string) => {
    const [row] = await directly().sql.query(
      `select (select count(*) from users where email = $1)::int as users,
              (select count(*) from organizations where name = $1)::int as organizations,
              (select count(*) from email_tokens where email = $1)::int as tokens,
              (select count(*) from mail_outbox where recipient = $1)::int as mails,
              (select count(*) from audit_logs l join users u on u.id = l.actor_id
               where u.email = $1 and l.action = 'account.registered')::int as acts`,
      [email],
    )
    return row
  }

  test('a registration that never reached the database leaves no trace and can be sent again', async () => {
    const email = newEmail()
    await failFor(email, { door: 'sql', kind: 'reset_before', count: 1 })
    expect(await register(email, { organization: email })).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(await traces(email)).toEqual({ users: 0, organizations: 0, tokens: 0, mails: 0, acts: 0 })
    expect((await register(email, { organization: email })).status).toBe(201)
  })

  test('a registration whose response was lost is complete, and a job sends its email', async () => {
    const email = newEmail()
    await failFor(email, { door: 'sql', kind: 'reset_after', count: 1 })
    expect((await register(email, { organization: email })).status).toBe(503)
    expect(await traces(email)).toEqual({ users: 1, organizations: 1, tokens: 1, mails: 1, acts: 1 })
    expect((await login(email, password)).status).toBe(200)
  })

  test('a registration of a taken address leaves no organization, token or email', async () => {
    const email = newEmail()
    await register(email, { organization: email })
    await register(email, { organization: email })
    expect(await traces(email)).toEqual({ users: 1, organizations: 1, tokens: 1, mails: 1, acts: 1 })
  })

  test('a reset that never reached the database leaves its link, the password and the sessions unchanged', async () => {
    const person = await newUser()
    const token = await resetToken(person.email)
    await failFor(person.user.id, { door: 'sql', kind: 'reset_before', count: 1 })
    expect((await confirmReset(token)).status).toBe(503)
    expect((await call('GET /api/v1/auth/me', { token: person.token })).status).toBe(200)
    expect((await login(person.email, person.password)).status).toBe(200)
    expect((await confirmReset(token)).status).toBe(204)
  })

  test('a reset whose response was lost has set the password, ended the sessions and used the link', async () => {
    const person = await newUser()
    const token = await resetToken(person.email)
    await failFor(person.user.id, { door: 'sql', kind: 'reset_after', count: 1 })
    expect((await confirmReset(token)).status).toBe(503)
    expect((await call('GET /api/v1/auth/me', { token: person.token })).status).toBe(401)
    expect((await login(person.email, new_password)).status).toBe(200)
    expect((await confirmReset(token)).body.code).toBe('invalid_token')
  })
})

describe('POST /api/v1/auth/register: v5.0.0-1.3.11 line breaks in what people choose', () => {
  test('are refused in a name, an organization and an address', async () => {
    for (const fields of [
      { name: 'Eve\r\nBcc: victim@example.com' },
      { organization: 'Eve\nBcc: victim@example.com' },
      { email: 'eve@example.com\r\nBcc: victim@example.com' },
    ]) {
      expect((await register(newEmail(), fields)).status).toBe(400)
    }
  })

  test('that are already in the database add no header, recipient or subject to an email', async () => {
    const person = await newUser()
    await directly().sql.query('update users set name = $2 where id = $1', [
      person.user.id,
      'Eve\r\nBcc: victim@example.com\r\n\r\nbody',
    ])
    await call('POST /api/v1/auth/password/change', {
      token: person.token,
      body: { current_password: person.password, new_password },
    })
    const notice = await mailTo(person.email, /^Your password was changed/)
    expect(notice.headers).toEqual({})
    expect(notice.to).toBe(person.email)
    expect(notice.subject).toBe('Your password was changed (tollgate)')
    expect(notice.text).toMatch(/^Hello,\n/)
    expect(await mailsTo('victim@example.com')).toEqual([])
  })
})
