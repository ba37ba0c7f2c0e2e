import { afterEach, describe, expect, test, vi } from 'vitest'
import { directly, withoutRequestId } from '../../../support/direct.ts'
import { failFor } from '../../../support/faults.ts'
import { type Answer, call, newUser, randomIp } from '../../../support/http.ts'
import { confirmAddress, mailsTo, mailTo, resetToken, SUBJECTS, tokenIn } from '../../../support/mail.ts'
import { codeOf, newTwoFactorUser } from '../../../support/two-factor.ts'

vi.setConfig({ testTimeout: 30_000 }) // hashing takes its time where many tests run at once
afterEach(() => vi.useRealTimers())

const new_password = 'seven purple lanterns'
const MINUTE = 60_000
const NOTICE = /^Your password was reset/
const ask = (email: string, ip = randomIp()) => call('POST /api/v1/auth/password/reset', { body: { email }, ip })
const confirm = (token: string, fields: Record<string, unknown> = {}) =>
  call('POST /api/v1/auth/password/reset/confirm', { body: { token, new_password, ...fields } })
const login = (email: string, password: string) => call('POST /api/v1/auth/login', { body: { email, password } })
const me = (token: string) => call('GET /api/v1/auth/me', { token })
const countOf = async (userId: string, action: string) => {
  const [row] = await directly().sql.query(
    'select count(*)::int as n from audit_logs where target_id = $1 and action = $2',
    [userId, action],
  )
  return row?.n
}

describe('a password reset', () => {
  test('sets the password, signs nobody in, confirms the address, and the owner is notified (v5.0.0-6.3.7)', async () => {
    const person = await newUser()
    const answer = await confirm(await resetToken(person.email))
    expect(answer).toMatchObject({ status: 204, body: '' })
    expect(answer.headers.has('Set-Cookie')).toBe(false)
    expect((await login(person.email, person.password)).status).toBe(401)
    const tokens = await login(person.email, new_password)
    expect(tokens.status).toBe(200)
    expect((await me(tokens.body.access_token)).body.is_verified).toBe(true)
    const notice = await mailTo(person.email, NOTICE)
    expect(notice.links).toEqual([])
    expect(notice.text).not.toContain(new_password)
    expect(await countOf(person.user.id, 'password.reset_requested')).toBe(1)
    expect(await countOf(person.user.id, 'password.reset')).toBe(1)
  })

  test('ends every session, and every other link that was sent to the user (v5.0.0-7.4.3)', async () => {
    const person = await newUser()
    await call('POST /api/v1/auth/email/resend', { body: { email: person.email } })
    const verification = tokenIn(await mailTo(person.email, SUBJECTS.verify))
    const other = (await login(person.email, person.password)).body
    await confirm(await resetToken(person.email))
    expect((await me(person.token)).status).toBe(401)
    expect((await me(other.access_token)).status).toBe(401)
    for (const refresh_token of [person.refreshToken, other.refresh_token]) {
      expect((await call('POST /api/v1/auth/refresh', { body: { refresh_token } })).status).toBe(401)
    }
    const late = await call('POST /api/v1/auth/email/verify', { body: { token: verification } })
    expect(late.body.code).toBe('invalid_token')
  })

  test('sets one password even if it is used six times at once', async () => {
    const person = await newUser()
    const token = await resetToken(person.email)
    const wishes = Array.from({ length: 6 }, (_, at) => `seven purple lanterns ${at}`)
    const answers = await Promise.all(wishes.map((wish) => confirm(token, { new_password: wish })))
    const statuses = Map.groupBy(answers, ({ status }) => status)
    expect(statuses.get(204)).toHaveLength(1)
    expect(statuses.get(400)).toHaveLength(5)
    const [won, lost] = [
      answers.findIndex(({ status }) => status === 204),
      answers.findIndex(({ status }) => status === 400),
    ]
    expect((await login(person.email, wishes[won] as string)).status).toBe(200)
    expect((await login(person.email, wishes[lost] as string)).status).toBe(401)
    expect(await countOf(person.user.id, 'password.reset')).toBe(1)
    await mailTo(person.email, NOTICE)
    expect((await mailsTo(person.email)).filter(({ subject }) => NOTICE.test(subject))).toHaveLength(1)
  })

  test.each([
    ['the address', (email: string) => email, 'new_password'],
    ['one of the commonest', () => 'qwertyuiop', 'new_password'],
    ['too short', () => 'zqvmtwkpx', 'new_password'],
  ])('is refused as at registration with a password that is %s, and the link still works', async (_, make, field) => {
    const person = await newUser()
    const token = await resetToken(person.email)
    const refused = await confirm(token, { new_password: make(person.email) })
    expect(refused.status).toBe(400)
    expect(refused.body.errors[0].path).toBe(`body.${field}`)
    expect((await confirm(token)).status).toBe(204)
  })

  test('needs an equal confirmation if one is sent', async () => {
    const person = await newUser()
    const token = await resetToken(person.email)
    const refused = await confirm(token, { confirm_password: `${new_password}!` })
    expect(refused.body.errors[0].path).toBe('body.confirm_password')
    expect((await confirm(token, { confirm_password: new_password })).status).toBe(204)
  })

  test('works for somebody who never had a password', async () => {
    const person = await newUser()
    await directly().sql.query('update users set password_hash = null where id = $1', [person.user.id])
    expect((await confirm(await resetToken(person.email))).status).toBe(204)
    expect((await login(person.email, new_password)).status).toBe(200)
  })
})

describe('v5.0.0-6.5.5 a reset link lives ten minutes', () => {
  test.each([
    ['works at 10 minutes less a second', 10 * MINUTE - 1_000, 204],
    ['is dead at 10 minutes', 10 * MINUTE, 400],
    ['is dead at 10 minutes and a second', 10 * MINUTE + 1_000, 400],
  ])('and %s', async (_, after, status) => {
    const person = await newUser()
    const token = await resetToken(person.email)
    const [row] = await directly().sql.query(
      `select created_at from email_tokens where user_id = $1 and purpose = 'reset'`,
      [person.user.id],
    )
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(row?.created_at).getTime() + after })
    expect((await confirm(token)).status).toBe(status)
  })
})

describe('v5.0.0-6.4.1 a reset link', () => {
  test('works once, and a newer one invalidates it (v5.0.0-6.6.2)', async () => {
    const person = await newUser()
    const first = await resetToken(person.email)
    const second = await resetToken(person.email, 2)
    expect((await confirm(first)).body.code).toBe('invalid_token')
    expect((await confirm(second)).status).toBe(204)
    expect((await confirm(second)).body.code).toBe('invalid_token')
  })

  test('is invalidated when the password, the account or the address changes', async () => {
    const [changed, banned, moved] = await Promise.all([newUser(), newUser(), newUser()])
    const tokens = await Promise.all([changed, banned, moved].map(({ email }) => resetToken(email)))
    await call('POST /api/v1/auth/password/change', {
      token: changed.token,
      body: { current_password: changed.password, new_password },
    })
    const { sql } = directly()
    await sql.query('update users set is_active = false where id = $1', [banned.user.id])
    await sql.query(`update users set email = 'moved-' || email where id = $1`, [moved.user.id])
    const unknown = await confirm(`et_${'A'.repeat(43)}`)
    expect(unknown).toMatchObject({ status: 400, body: { code: 'invalid_token' } })
    for (const token of tokens) {
      expect(withoutRequestId((await confirm(token)).body)).toEqual(withoutRequestId(unknown.body))
    }
  })

  test('of another purpose or another person is refused', async () => {
    const [person, other] = await Promise.all([newUser(), newUser()])
    await call('POST /api/v1/auth/email/resend', { body: { email: person.email } })
    const verification = tokenIn(await mailTo(person.email, SUBJECTS.verify))
    expect((await confirm(verification)).body.code).toBe('invalid_token')
    expect((await confirm(await resetToken(person.email))).status).toBe(204)
    expect((await login(other.email, new_password)).status).toBe(401)
    expect((await login(other.email, other.password)).status).toBe(200)
  })
})

describe('v5.0.0-6.4.3 a reset does not get around the second factor', () => {
  test('the new password alone gives a challenge and no token, and the codes stay the same', async () => {
    const person = await newTwoFactorUser()
    await confirmAddress(person.email)
    const answer = await confirm(await resetToken(person.email))
    expect(answer).toMatchObject({ status: 204, body: '' })
    const { body } = await login(person.email, new_password)
    expect(Object.keys(body).toSorted()).toEqual(['challenge_token', 'expires_in', 'methods', 'two_factor_required'])
    const { challenge_token } = body
    const wrong = await call('POST /api/v1/auth/2fa/verify', { body: { challenge_token, code: '000000' } })
    expect(wrong.status).toBe(403)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 30_000 })
    const code = codeOf(person.secret)
    expect((await call('POST /api/v1/auth/2fa/verify', { body: { challenge_token, code } })).status).toBe(200)
  })

  test('a sign-in with the old password that waits for its code ends', async () => {
    const person = await newTwoFactorUser()
    const { body } = await login(person.email, person.password)
    await confirm(await resetToken(person.email))
    const finished = await call('POST /api/v1/auth/2fa/verify', {
      body: { challenge_token: body.challenge_token, code: person.backupCodes[0] },
    })
    expect(finished.status).toBe(401)
  })
})

describe('asking for a reset', () => {
  const nobody = () => `nobody-${crypto.randomUUID()}@example.com`

  test('v5.0.0-6.3.8 gets the same response for a known and an unknown address, before any lookup', async () => {
    const [person, unknown] = [await newUser(), nobody()]
    const answers = []
    for (const email of [person.email, unknown]) {
      await failFor(email, { door: 'sql', kind: 'status', value: 500, count: 1 }) // the look-up fails, and nobody notices
      answers.push(await ask(email))
    }
    const [forKnown, forUnknown] = answers
    expect(forKnown).toMatchObject({ status: 202, body: '' })
    expect(forUnknown).toMatchObject({ status: 202, body: '' })
    expect([...(forUnknown?.headers.keys() ?? [])]).toEqual([...(forKnown?.headers.keys() ?? [])])
  })

  test('sends nothing to an unknown or a disabled address', async () => {
    const [disabled, last] = await Promise.all([newUser(), newUser()])
    await directly().sql.query('update users set is_active = false where id = $1', [disabled.user.id])
    const unknown = nobody()
    for (const email of [disabled.email, unknown]) expect((await ask(email)).status).toBe(202)
    await resetToken(last.email)
    const mails = [...(await mailsTo(disabled.email)), ...(await mailsTo(unknown))]
    expect(mails.filter(({ subject }) => SUBJECTS.reset.test(subject))).toEqual([])
  })

  const limited = ({ status, headers }: Answer) => (status === 429 ? headers.get('RateLimit-Policy') : status)

  test('is processed five times per network and account, and ten times per account from all networks, known or not', async () => {
    for (const email of [(await newUser()).email, nobody()]) {
      const ip = randomIp()
      const near = []
      for (let count = 0; count < 6; count++) near.push(limited(await ask(email, ip)))
      expect(near).toEqual([...Array(5).fill(202), '"password_reset_account_address";q=5;w=600'])
      const far = []
      for (let count = 0; count < 6; count++) far.push(limited(await ask(email)))
      expect(far.at(-1)).toBe('"password_reset_account";q=10;w=3600')
      expect(far.filter((one) => one === 202).length).toBeGreaterThanOrEqual(4)
    }
  })

  test('is processed sixty times per network', async () => {
    const ip = randomIp()
    const answers = await Promise.all(Array.from({ length: 61 }, () => ask(nobody(), ip)))
    expect(answers.map(limited).filter((one) => one === 202)).toHaveLength(60)
    expect(answers.map(limited)).toContain('"password_reset_address";q=60;w=600')
  })
})

test('v5.0.0-14.2.1 no emailed link has its token where servers and logs see it', async () => {
  const person = await newUser()
  const token = await resetToken(person.email)
  for (const { links, subject } of await mailsTo(person.email)) {
    for (const link of links) {
      const { search, pathname, hash } = new URL(link)
      expect(search, subject).toBe('')
      expect(pathname).not.toContain('et_')
      expect(hash).toMatch(/^#token=et_/)
    }
  }
  const inQuery = await call(`POST /api/v1/auth/password/reset/confirm?token=${token}`, { body: { new_password } })
  expect(inQuery.status).toBe(400)
  expect((await login(person.email, person.password)).status).toBe(200)
})
