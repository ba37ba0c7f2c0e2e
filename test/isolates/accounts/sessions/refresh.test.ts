import { afterEach, describe, expect, test, vi } from 'vitest'
import { openSession } from '../../../../src/accounts/sessions/open.ts'
import { refresh as exchange } from '../../../../src/accounts/sessions/refresh.ts'
import { breakStatement } from '../../../support/broken-stores.ts'
import { directly, withoutRequestId } from '../../../support/direct.ts'
import { call, newUser } from '../../../support/http.ts'
import { mailsTo, mailTo } from '../../../support/mail.ts'
import { managementDeps } from '../../../support/management.ts'

const ME = 'GET /api/v1/auth/me'
const SECOND = 1_000
const DAY = 24 * 60 * 60 * SECOND

const person = await newUser()
const refresh = (refresh_token: unknown) => call('POST /api/v1/auth/refresh', { body: { refresh_token } })
const statusOfMe = async (token: string) => (await call(ME, { token })).status

/** Its own session, so that a test that ends it affects no other. */
async function session() {
  const { access_token, refresh_token } = await openSession(managementDeps(directly()), person.user.id, {
    factors: ['password'],
  })
  return { access: access_token, refresh: refresh_token }
}

/** Stops the Worker's clock, and advances it from here. The database's own keeps running. */
function clock() {
  const start = Date.now()
  vi.useFakeTimers({ toFake: ['Date'], now: start })
  return (elapsedMs: number) => vi.setSystemTime(start + elapsedMs)
}

afterEach(() => {
  vi.useRealTimers()
})

describe('POST /api/v1/auth/refresh', () => {
  test('a refresh token gives new tokens of the same session, uncached', async () => {
    const old = await session()
    const { status, body, headers } = await refresh(old.refresh)
    expect(status).toBe(200)
    expect(body).toEqual({
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      token_type: 'bearer',
      expires_in: 1800,
    })
    expect(headers.get('Cache-Control')).toContain('no-store')
    expect(body.refresh_token).not.toBe(old.refresh)
    expect(await statusOfMe(body.access_token)).toBe(200)
    const sid = (token: string) => JSON.parse(atob(token.split('.')[1] ?? '')).sid
    expect(sid(body.access_token)).toBe(sid(old.access))
  })

  test('twenty concurrent refreshes with one token return the same successor, and end nothing', async () => {
    const old = await session()
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(old.refresh)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const successors = new Set(answers.map(({ body }) => body.refresh_token as string))
    expect(successors.size).toBe(1)
    expect(new Set(await Promise.all(answers.map(({ body }) => statusOfMe(body.access_token))))).toEqual(new Set([200]))
    expect((await refresh([...successors][0])).status).toBe(200)
  })

  test('a token whose successor was used counts as stolen: the whole session ends (v5.0.0-10.4.5)', async () => {
    const stolen = await session()
    const second = (await refresh(stolen.refresh)).body
    const third = (await refresh(second.refresh_token)).body
    expect(await statusOfMe(third.access_token)).toBe(200)

    expect(await refresh(stolen.refresh)).toMatchObject({ status: 401, body: { code: 'invalid_refresh_token' } })
    expect((await refresh(third.refresh_token)).status).toBe(401)
    expect(await statusOfMe(third.access_token)).toBe(401)
  })

  test('reuse ends only its own session', async () => {
    const [stolen, other] = [await session(), await session()]
    const second = (await refresh(stolen.refresh)).body
    await refresh(second.refresh_token)
    await refresh(stolen.refresh)
    expect(await statusOfMe(other.access)).toBe(200)
    expect((await refresh(other.refresh)).status).toBe(200)
  })

  test.each([12 * SECOND, 60 * SECOND])('a lost response can be requested again after %d ms', async (ms) => {
    const old = await session()
    const elapse = clock()
    const { body } = await refresh(old.refresh)
    elapse(ms)
    const again = await refresh(old.refresh)
    expect(again).toMatchObject({ status: 200, body: { refresh_token: body.refresh_token } })
    expect((await refresh(again.body.refresh_token)).status).toBe(200)
  })

  test('a repeat after REFRESH_REPEAT_SECONDS replaces a successor that nobody used: a lost response logs nobody out', async () => {
    const old = await session()
    const elapse = clock()
    const { body: lost } = await refresh(old.refresh)
    elapse(61 * SECOND)
    const answers = await Promise.all([1, 2, 3].map(() => refresh(old.refresh)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)
    expect(answers[0]?.body.refresh_token).not.toBe(lost.refresh_token)
    elapse(200 * SECOND)
    const again = await refresh(old.refresh)
    expect(again.status).toBe(200)
    expect((await refresh(again.body.refresh_token)).status).toBe(200)
  })

  test('a thief cannot follow the owner from token to token: the replaced successor counts as stolen', async () => {
    const owner = await newUser()
    const elapse = clock()
    const { body: one } = await refresh(owner.refreshToken)
    elapse(61 * SECOND)
    const { body: other } = await refresh(owner.refreshToken)
    elapse(70 * SECOND)
    expect((await refresh(one.refresh_token)).body.code).toBe('invalid_refresh_token')
    expect((await refresh(other.refresh_token)).status).toBe(401)
    expect(await statusOfMe(other.access_token)).toBe(401)
    await mailTo(owner.email, /was signed out/)
  })

  test('a replaced successor counts as stolen also within REFRESH_GRACE_SECONDS', async () => {
    const deps = managementDeps(directly({ REFRESH_GRACE_SECONDS: '300' }))
    const owner = await newUser()
    const elapse = clock()
    const { body: one } = await refresh(owner.refreshToken)
    elapse(61 * SECOND)
    const { body: other } = await refresh(owner.refreshToken)
    await expect(exchange(deps, one.refresh_token)).rejects.toMatchObject({ code: 'invalid_refresh_token' })
    expect(await statusOfMe(other.access_token)).toBe(401)
    await mailTo(owner.email, /was signed out/)
  })

  test('of a repeat and a use of the successor at once, one wins, and the other ends the session', async () => {
    const old = await session()
    const elapse = clock()
    const { body: one } = await refresh(old.refresh)
    elapse(61 * SECOND)
    const answers = await Promise.all([refresh(old.refresh), refresh(one.refresh_token)])
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 401]))
    expect(await statusOfMe(old.access)).toBe(401)
    const winner = answers.find(({ status }) => status === 200)
    expect((await refresh(winner?.body.refresh_token)).status).toBe(401)
  })

  test('an expired refresh token gets no new successor', async () => {
    const old = await session()
    const elapse = clock()
    await refresh(old.refresh)
    elapse(15 * DAY)
    expect((await refresh(old.refresh)).status).toBe(401)
  })

  test('the owner is emailed once about a stolen token', async () => {
    const owner = await newUser()
    const second = (await refresh(owner.refreshToken)).body
    await refresh(second.refresh_token)
    await Promise.all([refresh(owner.refreshToken), refresh(owner.refreshToken)])
    await mailTo(owner.email, /was signed out/)
    expect(await mailsTo(owner.email)).toHaveLength(1)
  })

  test('a theft ends the session together with its audit row and the email, or not at all', async () => {
    const owner = await newUser()
    const second = (await refresh(owner.refreshToken)).body
    await refresh(second.refresh_token)
    for (const table of ['mail_outbox', 'audit_logs']) {
      const broken = breakStatement(`insert into "${table}"`)
      expect((await refresh(owner.refreshToken)).status).toBe(503)
      broken.mockRestore()
    }
    expect((await refresh(owner.refreshToken)).body.code).toBe('invalid_refresh_token')
    await mailTo(owner.email, /was signed out/)
    const rows = await directly().sql.query(
      `select id from audit_logs where action = 'session.ended' and detail->>'user_id' = $1`,
      [owner.user.id],
    )
    expect(rows).toHaveLength(1)
  })

  test('a late request within REFRESH_GRACE_SECONDS is refused, and ends nothing', async () => {
    const deps = managementDeps(directly({ REFRESH_GRACE_SECONDS: '30' }))
    const { access, refresh: first } = await session()
    const second = (await refresh(first)).body
    await refresh(second.refresh_token)
    await expect(exchange(deps, first)).rejects.toMatchObject({ code: 'invalid_refresh_token' })
    expect(await statusOfMe(access)).toBe(200)
  })

  test('every invalid refresh token gets the same response', async () => {
    const [ended, replayed] = [await session(), await session()]
    await call('POST /api/v1/auth/logout', { token: ended.access })
    await refresh((await refresh(replayed.refresh)).body.refresh_token)
    const last = replayed.refresh.at(-1) === 'A' ? 'B' : 'A'
    const bad = {
      unknown: `rt_${'A'.repeat(43)}`,
      altered: replayed.refresh.slice(0, -1) + last,
      ended: ended.refresh,
      replayed: replayed.refresh,
      'an access token': replayed.access,
      'SQL text': "' or 1=1 --",
      'a NUL': 'rt_\u0000',
      'half a letter': 'rt_\ud800',
    }
    const answers = await Promise.all(Object.values(bad).map(refresh))
    for (const { status, body, headers } of answers) {
      expect(status).toBe(401)
      expect(body.code).toBe('invalid_refresh_token')
      expect(headers.get('WWW-Authenticate')).toMatch(/^Bearer/)
      expect(withoutRequestId(body)).toEqual(withoutRequestId(answers[0]?.body))
    }
  })

  test.each([undefined, null, 42, '', ['rt_x'], { token: 'x' }, 'x'.repeat(513)])(
    '%j is not a refresh token at all',
    async (token) => {
      const { status, body } = await refresh(token)
      expect(status).toBe(400)
      expect(body.errors[0].path).toBe('body.refresh_token')
    },
  )
})

describe('the end of a session by time', () => {
  test('an access token is valid for exactly 30 minutes', async () => {
    clock()
    const { access } = await session()
    const expiry = JSON.parse(atob(access.split('.')[1] ?? '')).exp * SECOND
    vi.setSystemTime(expiry - SECOND)
    expect(await statusOfMe(access)).toBe(200)
    vi.setSystemTime(expiry)
    expect(await statusOfMe(access)).toBe(401)
  })

  test('a refresh token that was unused for a year is no longer valid', async () => {
    const idle = await session()
    clock()(366 * DAY)
    expect((await refresh(idle.refresh)).status).toBe(401)
  })

  test('a session ends within 400 days however often it is refreshed (v5.0.0-10.4.8)', async () => {
    let { refresh: token } = await session()
    const elapse = clock()
    let ended: number | undefined
    for (let day = 5; day <= 400 && !ended; day += 5) {
      elapse(day * DAY)
      const { status, body } = await refresh(token)
      if (status === 401) ended = day
      token = body.refresh_token
    }
    expect(ended).toBeGreaterThan(5)
  })
})
