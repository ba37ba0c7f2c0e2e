import { afterEach, describe, expect, test, vi } from 'vitest'
import { directly, withoutRequestId } from '../../../support/direct.ts'
import { call, eventually, newUser, randomIp, registeredUser } from '../../../support/http.ts'
import { mailsTo, mailTo, resetToken, SUBJECTS, tokenIn } from '../../../support/mail.ts'

vi.setConfig({ testTimeout: 30_000 }) // hashing takes its time where many tests run at once
afterEach(() => vi.useRealTimers())

const HOUR = 3_600_000
const password = 'correct horse battery' // of all people here
const verify = (token: unknown, ip = randomIp()) =>
  call('POST /api/v1/auth/email/verify', { body: { token, password }, ip })
const resend = (email: string, ip = randomIp()) => call('POST /api/v1/auth/email/resend', { body: { email }, ip })
const isVerified = async (token: string) => (await call('GET /api/v1/auth/me', { token })).body.is_verified
const verifyToken = async (email: string, count = 1) => tokenIn(await mailTo(email, SUBJECTS.verify, count))

/** A user who got such a mail; a registered one gets one as well. */
async function mailed() {
  const person = await newUser()
  await resend(person.email)
  return person
}

describe('a registration', () => {
  test('sends an email whose link confirms the address and leads to a page of ours', async () => {
    const person = await registeredUser()
    const mail = await mailTo(person.email, SUBJECTS.verify)
    expect(mail.links).toHaveLength(1)
    expect(mail.from).toBe('Tollgate <no-reply@tollgate.test>')
    expect(await isVerified(person.token)).toBe(false)
    expect(await verify(tokenIn(mail))).toMatchObject({ status: 204, body: '' })
    expect(await isVerified(person.token)).toBe(true)
  })

  test('leaves an audit row, and so does the confirmation, with actor, target and address', async () => {
    const person = await registeredUser()
    await verify(await verifyToken(person.email))
    const rows = await directly().sql.query(
      `select action, actor_type, target_type, result, ip, request_id, organization_id from audit_logs
       where actor_id = $1 and action in ('account.registered', 'email.verified') order by id`,
      [person.user.id],
    )
    expect(rows.map(({ action }) => action)).toEqual(['account.registered', 'email.verified'])
    for (const row of rows) {
      expect(row).toMatchObject({ actor_type: 'user', target_type: 'user', result: 'success' })
      expect(row).toMatchObject({ organization_id: person.user.organization_id, ip: expect.stringMatching(/^10\./) })
    }
  })
})

describe('v5.0.0-6.4.1 a token that was sent by email', () => {
  test('is 256 random bits, and only its SHA-256 is stored', async () => {
    const people = await Promise.all([mailed(), mailed()])
    const tokens = await Promise.all(people.map(({ email }) => verifyToken(email)))
    expect(new Set(tokens).size).toBe(2)
    for (const token of tokens) expect(token).toMatch(/^et_[\w-]{43}$/)
    const [row] = await directly().sql.query(
      `select count(*)::int as found from email_tokens where token_hash = sha256($1::bytea)
       and user_id = $2 and email = $3 and octet_length(token_hash) = 32`,
      [tokens[0], people[0]?.user.id, people[0]?.email],
    )
    expect(row?.found).toBe(1)
  })

  test('works once, even if it is used twenty times at once', async () => {
    const person = await mailed()
    const token = await verifyToken(person.email)
    const answers = await Promise.all(Array.from({ length: 20 }, () => verify(token)))
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1)
    expect(answers.filter(({ body }) => body.code === 'invalid_token')).toHaveLength(9) // ten more are one attempt too many
    const [row] = await directly().sql.query(
      `select count(*)::int as acts from audit_logs where actor_id = $1 and action = 'email.verified'`,
      [person.user.id],
    )
    expect(row?.acts).toBe(1)
  })

  test.each([
    ['a second before its 24 hours', 24 * HOUR - 1_000, 204],
    ['at its 24 hours', 24 * HOUR, 400],
  ])('%s: %i ms after it was created, %i', async (_, after, status) => {
    const person = await mailed()
    const token = await verifyToken(person.email)
    const [row] = await directly().sql.query(`select created_at from email_tokens where user_id = $1`, [person.user.id])
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(row?.created_at).getTime() + after })
    expect((await verify(token)).status).toBe(status)
  })

  test('is refused with the same response, whatever is wrong with it', async () => {
    const [used, old, banned, moved, foreign] = await Promise.all([mailed(), mailed(), mailed(), mailed(), mailed()])
    const tokens = await Promise.all([used, old, banned, moved].map(({ email }) => verifyToken(email)))
    const { sql } = directly()
    await verify(tokens[0])
    await sql.query(`update email_tokens set expires_at = now() where user_id = $1`, [old.user.id])
    await sql.query(`update users set is_active = false where id = $1`, [banned.user.id])
    await sql.query(`update users set email = 'moved-' || email where id = $1`, [moved.user.id])
    const wrong = {
      used: tokens[0],
      expired: tokens[1],
      'of a disabled account': tokens[2],
      'of an address that is theirs no longer': tokens[3],
      'of another purpose': await resetToken(foreign.email),
      unknown: `et_${'A'.repeat(43)}`,
      malformed: '‮\u0000"; drop table users',
      empty: '',
      'an access token': foreign.token,
    }
    const [first, ...others] = await Promise.all(Object.values(wrong).map((token) => verify(token)))
    expect(first).toMatchObject({ status: 400, body: { code: 'invalid_token' } })
    for (const [at, other] of others.entries()) {
      expect(withoutRequestId(other.body), Object.keys(wrong)[at + 1]).toEqual(withoutRequestId(first?.body))
      expect([...other.headers.keys()]).toEqual([...(first?.headers.keys() ?? [])])
    }
    expect(await isVerified(foreign.token)).toBe(false)
  })

  test('is refused by its field if it is not text', async () => {
    for (const token of [undefined, null, 42, ['x'], { $ne: '' }]) {
      const { status, body } = await verify(token)
      expect(status).toBe(400)
      expect(body.errors[0].path).toBe('body.token')
    }
  })
})

describe('v5.0.0-6.6.3 tries of tokens', () => {
  test('of one token are checked ten times in ten minutes, whether or not it exists', async () => {
    const person = await mailed()
    for (const token of [await verifyToken(person.email), `et_${'B'.repeat(40)}${randomIp().slice(-3)}`]) {
      const statuses = []
      for (let count = 0; count < 11; count++) statuses.push((await verify(token)).status)
      expect(statuses.slice(1, 10)).toEqual(Array(9).fill(400))
      expect(statuses[10]).toBe(429)
    }
  })

  test('from one network are checked sixty times in ten minutes', async () => {
    const ip = randomIp()
    const tries = Array.from({ length: 61 }, (_, count) => verify(`guess ${count}`, ip))
    const byStatus = Map.groupBy(await Promise.all(tries), ({ status }) => status)
    expect(byStatus.get(400)).toHaveLength(60)
    expect(byStatus.get(429)?.[0]?.headers.get('RateLimit-Policy')).toBe('"email_token_address";q=60;w=600')
  })
})

describe('POST /api/v1/auth/email/resend', () => {
  test('sends a new link and invalidates the old one (v5.0.0-6.6.2)', async () => {
    const person = await mailed()
    const first = await verifyToken(person.email)
    expect(await resend(person.email)).toMatchObject({ status: 202, body: '' })
    const second = await verifyToken(person.email, 2)
    expect((await verify(first)).body.code).toBe('invalid_token')
    expect((await verify(second)).status).toBe(204)
  })

  test('leaves one link after eight concurrent requests', async () => {
    const person = await newUser()
    await Promise.all(Array.from({ length: 8 }, () => resend(person.email)))
    await mailTo(person.email, SUBJECTS.verify, 8)
    const live = () =>
      directly().sql.query(`select id from email_tokens where user_id = $1 and used_at is null`, [person.user.id])
    expect(await live()).toHaveLength(1)
  })

  test('sends nothing to a confirmed, a disabled or an unknown address', async () => {
    const [confirmed, disabled] = await Promise.all([mailed(), mailed()])
    await verify(await verifyToken(confirmed.email))
    await mailTo(disabled.email, SUBJECTS.verify)
    await directly().sql.query('update users set is_active = false where id = $1', [disabled.user.id])
    const unknown = `nobody-${crypto.randomUUID()}@example.com`
    for (const email of [confirmed.email, disabled.email, unknown]) expect((await resend(email)).status).toBe(202)
    const last = await mailed()
    await resend(last.email)
    await mailTo(last.email, SUBJECTS.verify, 2) // deferred work has finished
    expect(await mailsTo(confirmed.email)).toHaveLength(1)
    expect(await mailsTo(disabled.email)).toHaveLength(1)
    expect(await mailsTo(unknown)).toEqual([])
  })

  test('ignores the case of an address', async () => {
    const person = await mailed()
    expect((await resend(` ${person.email.toUpperCase()}`)).status).toBe(202)
    await mailTo(person.email, SUBJECTS.verify, 2)
  })

  test.each(['nobody', '', 42, 'a@example.com\r\nBcc: b@example.com'])('%j is not an address', async (email) => {
    const { status, body } = await resend(email as string)
    expect(status).toBe(400)
    expect(body.errors[0].path).toBe('body.email')
  })
})

test('v5.0.0-3.5.3 only a POST with the token confirms an address', async () => {
  const person = await mailed()
  const token = await verifyToken(person.email)
  for (const line of [
    `GET /account/verify-email`,
    `HEAD /account/verify-email`,
    `GET /account/verify-email?token=${token}`,
    `GET /api/v1/auth/email/verify?token=${token}`,
    `HEAD /api/v1/auth/email/verify?token=${token}`,
    `POST /api/v1/auth/email/verify?token=${token}`,
    `POST /account/verify-email?token=${token}`,
  ]) {
    await call(line, line.startsWith('POST') ? { body: {} } : {})
  }
  expect(await isVerified(person.token)).toBe(false)
  await eventually(
    async () => (await verify(token)).status,
    (status) => status === 204,
  )
})
