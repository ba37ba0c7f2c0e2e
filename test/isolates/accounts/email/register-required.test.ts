import { describe, expect, test, vi } from 'vitest'
import { directly, withoutRequestId } from '../../../support/direct.ts'
import { newUser, randomIp } from '../../../support/http.ts'
import { countTrips } from '../../../support/isolate.ts'
import { mailsTo, mailTo, resetToken, SUBJECTS, tokenIn } from '../../../support/mail.ts'
import { workerWith } from '../../../support/variant.ts'

vi.setConfig({ testTimeout: 30_000 }) // hashing takes its time where many tests run at once

const { call, settled } = workerWith({ EMAIL_VERIFICATION: 'required' })
const password = 'correct horse battery'
const newEmail = () => `required-${crypto.randomUUID()}@example.com`
const register = (email: string, fields = {}, ip = randomIp()) =>
  call('POST /api/v1/auth/register', { email, password, ...fields }, ip)
const login = (email: string, given = password) => call('POST /api/v1/auth/login', { email, password: given })
const verify = (token: string) => call('POST /api/v1/auth/email/verify', { token, password })

/** The shape of an answer: which members it has, and of what types. */
const shapeOf = (body: object) =>
  Object.entries(body).map(([name, value]) => [name, value === null ? null : typeof value])

/** Somebody with a confirmed address. */
async function confirmed() {
  const { email, user } = await newUser()
  await directly().sql.query('update users set email_verified_at = now() where id = $1', [user.id])
  return { email, id: user.id as string, organizationId: user.organization_id as string }
}

describe('v5.0.0-6.3.8 where addresses must be confirmed, registering a taken one', () => {
  test('gets the shape, headers and kind of ids of a new one, and creates nothing', async () => {
    const owner = await confirmed()
    const fields = { name: 'Somebody Else', organization: 'Elsewhere' }
    const taken = await register(owner.email, fields)
    const fresh = await register(newEmail(), fields)
    expect(taken.status).toBe(201)
    expect(fresh.status).toBe(201)
    expect(shapeOf(taken.body)).toEqual(shapeOf(fresh.body))
    expect([...taken.headers.keys()]).toEqual([...fresh.headers.keys()])
    expect(taken.body).toMatchObject({
      email: owner.email,
      name: 'Somebody Else',
      role: 'owner',
      is_verified: false,
      subscription_tier: 'free',
    })
    const near = Date.now() / 16 ** 4
    for (const [name, owners] of Object.entries({ id: owner.id, organization_id: owner.organizationId })) {
      expect(taken.body[name]).not.toBe(owners)
      expect(taken.body[name]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(Math.abs(Number.parseInt(taken.body[name].slice(0, 8), 16) - near)).toBeLessThan(10)
    }
    const [row] = await directly().sql.query(
      `select (select count(*) from users where id = $1)::int as users,
              (select count(*) from organizations where id = $2)::int as organizations,
              (select count(*) from users where email = $3)::int as owners`,
      [taken.body.id, taken.body.organization_id, owner.email],
    )
    expect(row).toEqual({ users: 0, organizations: 0, owners: 1 })
  })

  test('changes neither name nor password of the owner, who gets an email that repeats none of the input', async () => {
    const owner = await confirmed()
    await register(owner.email, { password: 'the stranger chose this', name: 'Win at evil.example' })
    const mail = await mailTo(owner.email, SUBJECTS.inUse)
    expect(mail.text + mail.html).not.toContain('evil.example')
    expect(mail.links).toEqual([])
    expect((await login(owner.email)).status).toBe(200)
    expect((await login(owner.email, 'the stranger chose this')).status).toBe(401)
  })

  test('does the work of a new one: the stores get the same number of queries', async () => {
    const owner = await confirmed()
    await settled()
    const trips = { taken: [] as unknown[], fresh: [] as unknown[] }
    for (let count = 0; count < 2; count++) {
      for (const kind of ['taken', 'fresh'] as const) {
        const email = kind === 'taken' ? owner.email : newEmail()
        trips[kind].push(await countTrips(() => register(email)))
        await settled()
      }
    }
    expect(trips.taken).toEqual(trips.fresh)
  })

  test('five times at once gets equal responses, and one creates an account', async () => {
    const email = newEmail()
    const answers = await Promise.all(Array.from({ length: 5 }, () => register(email)))
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(201))
    const [row] = await directly().sql.query(`select count(*)::int as n from users where email = $1`, [email])
    expect(row?.n).toBe(1)
    await mailTo(email, SUBJECTS.inUse, 4)
    expect((await mailsTo(email)).filter(({ subject }) => SUBJECTS.verify.test(subject))).toHaveLength(1)
  })

  test('is processed ten times an hour, like a free one', async () => {
    const owner = await confirmed()
    const weak = { password: 'short' }
    for (const email of [owner.email, newEmail()]) {
      for (let count = 0; count < 10; count++) expect((await register(email, weak)).status).toBe(400)
      const { status, headers } = await register(email, weak)
      expect(status).toBe(429)
      expect(headers.get('RateLimit-Policy')).toBe('"register_account";q=10;w=3600')
    }
  })

  test('with a weak password is refused before it is known whether the address is taken', async () => {
    const owner = await confirmed()
    const [taken, fresh] = [
      await register(owner.email, { password: 'short' }),
      await register(newEmail(), { password: 'short' }),
    ]
    expect(taken.status).toBe(400)
    expect(withoutRequestId(taken.body)).toEqual(withoutRequestId(fresh.body))
  })
})

describe('where addresses must be confirmed, signing in', () => {
  test('is refused until then like a wrong password, and every refusal names both reasons', async () => {
    const email = newEmail()
    await register(email)
    const unconfirmed = await login(email)
    const wrong = await login(email, 'not this password')
    const unknown = await login(newEmail(), 'not this password')
    expect(unconfirmed).toMatchObject({ status: 401, body: { detail: expect.stringContaining('not confirmed yet') } })
    expect(withoutRequestId(wrong.body)).toEqual(withoutRequestId(unknown.body))
    expect(withoutRequestId(wrong.body)).toEqual(withoutRequestId(unconfirmed.body))
    expect([...wrong.headers.keys()]).toEqual([...unknown.headers.keys()])

    expect((await verify(tokenIn(await mailTo(email, SUBJECTS.verify)))).status).toBe(204)
    expect((await login(email)).status).toBe(200)
  })

  test('works after a reset, which proves the address as well', async () => {
    const email = newEmail()
    await register(email)
    const token = await resetToken(email)
    const new_password = 'seven purple lanterns'
    await call('POST /api/v1/auth/password/reset/confirm', { token, new_password })
    expect((await login(email, new_password)).status).toBe(200)
  })

  test('works at once if no confirmation is required, and registration then reports a taken address', async () => {
    const optional = workerWith({ EMAIL_VERIFICATION: 'optional' })
    const email = newEmail()
    expect((await optional.call('POST /api/v1/auth/register', { email, password })).status).toBe(201)
    expect((await optional.call('POST /api/v1/auth/login', { email, password })).status).toBe(200)
    const again = await optional.call('POST /api/v1/auth/register', { email, password })
    expect(again).toMatchObject({ status: 400, body: { code: 'email_taken' } })
    expect((await mailsTo(email)).filter(({ subject }) => SUBJECTS.inUse.test(subject))).toEqual([])
  })
})
