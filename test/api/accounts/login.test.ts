import { afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { enforceRateLimits } from '../../../src/limits/endpoint-limits.ts'
import { breakStores } from '../../support/broken-stores.ts'
import { directly, withoutRequestId } from '../../support/direct.ts'
import { type Answer, call, newUser, randomIp } from '../../support/http.ts'
import { countTrips } from '../../support/isolate.ts'
import { countQueryRounds } from '../../support/query-rounds.ts'
import { newTwoFactorUser } from '../../support/two-factor.ts'

const LOGIN = 'POST /api/v1/auth/login'
const ME = 'GET /api/v1/auth/me'
const login = ({ email, password }: Record<string, unknown>, ip = randomIp(), headers = {}) =>
  call(LOGIN, { body: { email, password }, ip, headers })

const decoded = (part = '') => JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/')))

afterEach(() => vi.restoreAllMocks())

test('a sign-in takes two database round trips, whatever its outcome', async () => {
  const [person, withFactor] = [await newUser(), await newTwoFactorUser()]
  for (const [attempt, status] of [
    [person, 200],
    [withFactor, 200],
    [{ ...person, password: 'wrong guess' }, 401],
    [{ email: 'nobody@example.com', password: 'wrong guess' }, 401],
  ] as const) {
    const { rounds, result } = await countQueryRounds(() => login(attempt))
    expect(result.status).toBe(status)
    expect({ ...attempt, rounds }).toMatchObject({ rounds: 2 })
  }
})

describe('POST /api/v1/auth/login', () => {
  let known: Awaited<ReturnType<typeof newUser>>
  beforeAll(async () => {
    known = await newUser()
  })

  test('the right password returns tokens, uncached and without a cookie (v5.0.0-3.3.1, v5.0.0-3.3.4)', async () => {
    const { status, body, headers } = await login(known)
    expect(status).toBe(200)
    expect(body).toEqual({
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      token_type: 'bearer',
      expires_in: 1800,
    })
    expect(headers.get('Cache-Control')).toContain('no-store')
    expect(headers.has('Set-Cookie')).toBe(false)
    expect((await call(ME, { token: body.access_token })).body.id).toBe(known.user.id)
  })

  test('an access token names the user, organization, session, start and expiry, and nothing private', () => {
    const [header, payload] = known.token
      .split('.')
      .slice(0, 2)
      .map((part) => decoded(part))
    expect(header).toMatchObject({ alg: 'HS256', typ: 'at+jwt' })
    expect(Object.keys(payload).toSorted()).toEqual(['aud', 'exp', 'iat', 'iss', 'jti', 'org', 'sid', 'sub'])
    expect(payload).toMatchObject({
      iss: 'https://tollgate.test',
      sub: known.user.id,
      org: known.user.organization_id,
    })
    expect(payload.exp - payload.iat).toBe(1800)
  })

  test('each login opens its own session, with at least 128 random bits to refresh it (v5.0.0-7.2.4)', async () => {
    const again = await login(known)
    expect(again.body.refresh_token).not.toBe(known.refreshToken)
    expect(decoded(again.body.access_token.split('.')[1]).sid).not.toBe(decoded(known.token.split('.')[1]).sid)
    expect(known.refreshToken.replace(/^[a-z]+_/, '').length).toBeGreaterThanOrEqual(22)
  })

  test('an address is recognized in any case', async () => {
    expect((await login({ ...known, email: known.email.toUpperCase() })).status).toBe(200)
  })

  test('a wrong password and an unknown address get the same answer after the same work', async () => {
    const trips: unknown[] = []
    const counted = async (email: string) => {
      let answer: Answer | undefined
      trips.push(await countTrips(async () => (answer = await login({ email, password: 'not this password' }))))
      return answer as Answer
    }
    const wrong = await counted(known.email)
    const unknown = await counted(`nobody-${crypto.randomUUID()}@example.com`)
    expect(wrong).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
    expect(withoutRequestId(unknown.body)).toEqual(withoutRequestId(wrong.body))
    expect([...unknown.headers.keys()]).toEqual([...wrong.headers.keys()])
    expect(unknown.headers.has('WWW-Authenticate')).toBe(true)
    expect(trips[1]).toEqual(trips[0])
  })

  test.each(['admin', 'password'])('no seeded account has the password "%s" (v5.0.0-6.3.2)', async (password) => {
    expect((await login({ email: inject('credentials').admin.email, password })).status).toBe(401)
  })

  test('a disabled account is refused like an unknown one, and its tokens stop working at the next request', async () => {
    const person = await newUser()
    await directly().sql.query('update users set is_active = false where id = $1', [person.user.id])
    const refused = await login(person)
    const unknown = await login({ ...person, email: `nobody-${crypto.randomUUID()}@example.com` })
    expect(refused.status).toBe(401)
    expect(withoutRequestId(refused.body)).toEqual(withoutRequestId(unknown.body))
    expect((await call(ME, { token: person.token })).status).toBe(401)
    const refresh = await call('POST /api/v1/auth/refresh', { body: { refresh_token: person.refreshToken } })
    expect(refresh.status).toBe(401)
  })

  test.each([
    ['email', undefined],
    ['email', 42],
    ['email', ['a@example.com']],
    ['email', { $gt: '' }],
    ['password', undefined],
    ['password', 42],
    ['password', null],
    ['password', true],
    ['password', { length: 20 }],
  ])('a field %s of %j is refused by name', async (field, value) => {
    const { status, body } = await login({ ...known, [field]: value })
    expect(status).toBe(400)
    expect(body.errors.map(({ path }: { path: string }) => path)).toContain(`body.${field}`)
  })

  test('fifty concurrent passwords of a megabyte are refused without being hashed', async () => {
    const huge = 'x'.repeat(1_000_000)
    const answers = await Promise.all(Array.from({ length: 50 }, () => login({ ...known, password: huge })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([413]))
  })
})

describe('POST /api/v1/auth/login: a password is compared exactly as it was registered', () => {
  const first72 = 'abcdefghijkl'.repeat(6)
  const password = `${first72}Ünder the Sea `

  test('to the last byte beyond the 72nd, including case, spaces, and the form of each letter', async () => {
    const email = `exact-${crypto.randomUUID()}@example.com`
    expect((await call('POST /api/v1/auth/register', { body: { email, password } })).status).toBe(201)
    const others = {
      cut: first72,
      'ending otherwise': `${first72}Ünder the Sky `,
      trimmed: password.trim(),
      'in small letters': password.toLowerCase(),
      decomposed: password.normalize('NFD'),
      'with a NUL': `${password}\u0000`,
    }
    for (const [how, other] of Object.entries(others)) {
      expect([400, 401], how).toContain((await login({ email, password: other })).status)
    }
    expect((await login({ email, password })).status).toBe(200)
  })
})

describe('POST /api/v1/auth/login: guessing (v5.0.0-6.3.1)', () => {
  const counted = (answers: Answer[]) => Map.groupBy(answers, ({ status }) => status)

  test('of 30 concurrent wrong passwords from one network, ten are checked; the owner still signs in from another', async () => {
    const victim = await newUser()
    const attacker = randomIp()
    const spellings = [victim.email, victim.email.toUpperCase(), victim.email.replace('p', 'P')]
    const guess = (count: number) =>
      login({ email: spellings[count % 3], password: `wrong guess ${count}` }, attacker, {
        'X-Forwarded-For': randomIp(),
        'X-Real-IP': randomIp(),
        'True-Client-IP': randomIp(),
        Forwarded: `for=${randomIp()}`,
      })
    const answers = counted(await Promise.all(Array.from({ length: 30 }, (_, count) => guess(count))))
    expect(answers.get(401)).toHaveLength(10)
    expect(answers.get(429)).toHaveLength(20)

    expect((await login(victim, attacker)).status).toBe(429)
    expect((await login(victim)).status).toBe(200)
    expect((await guess(31)).status).toBe(429)
  })

  test('addresses of one IPv6 network count as one', async () => {
    const deps = directly()
    const account = `nobody-${crypto.randomUUID()}@example.com`
    const guessFrom = (ip: string) => login({ email: account, password: 'wrong guess' }, ip)
    for (let host = 1; host <= 9; host++) {
      await enforceRateLimits(deps, { login_account_address: { account, address: `2001:db8:1:2::${host}` } })
    }
    expect((await guessFrom('2001:db8:1:2:ffff::1')).status).toBe(401)
    expect((await guessFrom('2001:db8:1:2:3:4:5:6')).status).toBe(429)
    expect((await guessFrom('2001:db8:1:3::1')).status).toBe(401)
  })

  test('the 101st failure in an hour against one account is refused from any address', async () => {
    const deps = directly()
    const email = `nobody-${crypto.randomUUID()}@example.com`
    await Promise.all(Array.from({ length: 99 }, () => enforceRateLimits(deps, { login_account: { account: email } })))
    expect((await login({ email, password: 'wrong guess' })).status).toBe(401)
    expect(await login({ email, password: 'wrong guess' })).toMatchObject({
      status: 429,
      body: { code: 'rate_limited' },
    })
  })

  test('v5.0.0-6.1.1: guessing from many addresses does not lock owners out of where they signed in before', async () => {
    const ip = randomIp()
    const victim = await newUser()
    await login(victim, ip)
    await Promise.all(
      Array.from({ length: 99 }, () => enforceRateLimits(directly(), { login_account: { account: victim.email } })),
    )
    expect((await login({ email: victim.email, password: 'wrong guess' })).status).toBe(429)
    expect((await login(victim)).status).toBe(429)
    expect((await login(victim, ip)).status).toBe(200)
  })

  test('the shared limit counts only failures: whoever knows the password gets in', async () => {
    const person = await newUser()
    const isAsked = async (password: string) => {
      const asked: string[] = []
      const real = globalThis.fetch
      vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
        asked.push(typeof init?.body === 'string' ? init.body : '')
        return real(input, init)
      })
      await login({ email: person.email, password })
      vi.restoreAllMocks()
      return asked.some((body) => body.includes('login_anywhere'))
    }
    expect(await isAsked(person.password)).toBe(false)
    expect(await isAsked('wrong guess')).toBe(true)
  })

  test('while Redis fails, an isolate allows a tenth of each limit by itself, but at least three', async () => {
    const ip = randomIp()
    const victim = await newUser()
    breakStores(['/redis'])
    const ofMany = await Promise.all(
      Array.from({ length: 40 }, (_, n) => login({ email: `nobody-${n}@example.com`, password: 'wrong guess' }, ip)),
    )
    expect(ofMany.filter(({ status }) => status === 401)).toHaveLength(30)
    const guesses = await Promise.all(
      Array.from({ length: 5 }, () => login({ email: victim.email, password: 'wrong guess' }, '198.51.100.7')),
    )
    expect(guesses.filter(({ status }) => status === 401)).toHaveLength(3)
    for (let times = 0; times < 5; times++) expect((await login(victim, '198.51.100.8')).status).toBe(200)
  })

  test('a refusal gives the time to retry in whole seconds, under the name of the limit', async () => {
    const deps = directly()
    const ip = randomIp()
    await Promise.all(Array.from({ length: 300 }, () => enforceRateLimits(deps, { login_address: { address: ip } })))
    const { status, body, headers } = await login({ email: 'nobody@example.com', password: 'wrong guess' }, ip)
    expect(status).toBe(429)
    expect(body).toMatchObject({ code: 'rate_limited', status: 429 })
    expect(headers.get('RateLimit-Policy')).toBe('"login_address";q=300;w=600')
    const reset = Number(/^"login_address";r=0;t=(\d+)$/.exec(headers.get('RateLimit') ?? '')?.[1])
    expect(reset).toBeGreaterThan(0)
    expect(headers.get('Retry-After')).toMatch(/^\d+$/)
    expect(Number(headers.get('Retry-After'))).toBeGreaterThanOrEqual(reset)
  })
})
