import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openChallenge } from '../../../../src/accounts/two-factor/challenge.ts'
import { toStep, totp } from '../../../../src/lib/totp.ts'
import { directly } from '../../../support/direct.ts'
import { call, newUser } from '../../../support/http.ts'
import { mailTo } from '../../../support/mail.ts'
import { managementDeps } from '../../../support/management.ts'

const STEP = 30_000

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

const advance = (ms: number) => vi.setSystemTime(Date.now() + ms)

/** The code an authenticator app shows at this moment, for a base32 secret. */
function codeOf(secret: string): string {
  const bits = [...secret]
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('')
  const bytes = Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
  return totp(bytes, toStep(Date.now()))
}

/** Somebody with a second factor, whose next code is not used yet. */
async function newTwoFactorUser() {
  const user = await newUser()
  const { body: setup } = await call('POST /api/v1/auth/2fa/setup', { token: user.token })
  const enabled = await call('POST /api/v1/auth/2fa/enable', {
    token: user.token,
    body: { code: codeOf(setup.secret) },
  })
  advance(STEP)
  return { ...user, secret: setup.secret as string, backupCodes: enabled.body.backup_codes as string[] }
}

type Person = Awaited<ReturnType<typeof newTwoFactorUser>>

async function login({ email, password }: Pick<Person, 'email' | 'password'>) {
  return (await call('POST /api/v1/auth/login', { body: { email, password } })).body
}

/** What a sign-in with the right password gets, without the cost of checking it. */
const challenge = ({ user }: Person) => openChallenge(managementDeps(directly()), user.id, { firstFactor: 'password' })

const finish = (challenge_token: string, code: string) =>
  call('POST /api/v1/auth/2fa/verify', { body: { challenge_token, code } })

describe('setting up', () => {
  test('returns a secret, its URI and a QR code, and takes effect only after a code was verified', async () => {
    const user = await newUser()
    const { status, body } = await call('POST /api/v1/auth/2fa/setup', { token: user.token })
    expect(status).toBe(200)
    expect(body.secret).toMatch(/^[A-Z2-7]{32}$/)
    expect(body.otpauth_uri).toBe(
      `otpauth://totp/tollgate:${encodeURIComponent(user.email)}?secret=${body.secret}&issuer=tollgate`,
    )
    expect(body.qr_svg).toMatch(/^<svg/)
    expect((await login(user)).access_token).toBeDefined()
    expect(
      (await call('POST /api/v1/auth/2fa/enable', { token: user.token, body: { code: '000000' } })).body.code,
    ).toBe('invalid_code')
    expect((await call('GET /api/v1/auth/me', { token: user.token })).body.two_factor_enabled).toBe(false)
  })

  test('returns ten backup codes of 120 bits once, and ends the other sessions (v5.0.0-6.5.2, v5.0.0-7.4.3)', async () => {
    const user = await newUser()
    const { access_token: other } = await login(user)
    const { body: setup } = await call('POST /api/v1/auth/2fa/setup', { token: user.token })
    const { body } = await call('POST /api/v1/auth/2fa/enable', {
      token: user.token,
      body: { code: codeOf(setup.secret) },
    })
    expect(new Set(body.backup_codes).size).toBe(10)
    for (const code of body.backup_codes) expect(code).toMatch(/^([a-z2-7]{6}-){3}[a-z2-7]{6}$/) // 120 bits: v5.0.0-6.5.2
    expect((await call('GET /api/v1/auth/me', { token: other })).status).toBe(401)
    expect((await call('GET /api/v1/auth/me', { token: user.token })).body.two_factor_enabled).toBe(true)
    expect((await call('POST /api/v1/auth/2fa/setup', { token: user.token })).body.code).toBe(
      'two_factor_already_enabled',
    )
  })

  test('stores the secret encrypted and bound to its user (v5.0.0-11.3.3)', async () => {
    const [one, other] = [await newTwoFactorUser(), await newTwoFactorUser()]
    const { sql } = directly()
    await sql`update totp_credentials set secret_encrypted = (
      select secret_encrypted from totp_credentials where user_id = ${one.user.id}) where user_id = ${other.user.id}`
    vi.spyOn(console, 'error').mockImplementationOnce(() => undefined)
    const { challenge_token } = await challenge(other)
    expect((await finish(challenge_token, codeOf(one.secret))).status).toBe(500)
  })

  test('needs the password again once the sign-in is old (v5.0.0-7.5.1)', async () => {
    const user = await newUser()
    advance(15 * 60_000 + 1)
    expect((await call('POST /api/v1/auth/2fa/setup', { token: user.token })).body.code).toBe(
      'reauthentication_required',
    )
    const wrong = await call('POST /api/v1/auth/2fa/setup', {
      token: user.token,
      body: { password: 'not the password' },
    })
    expect(wrong.body.code).toBe('wrong_password')
    const right = await call('POST /api/v1/auth/2fa/setup', { token: user.token, body: { password: user.password } })
    expect(right.status).toBe(200)
  })
})

describe('signing in with a second factor', () => {
  test('the password alone gives no usable token on any path (v5.0.0-6.3.4)', async () => {
    const user = await newTwoFactorUser()
    const body = await login(user)
    expect(Object.keys(body).toSorted()).toEqual(['challenge_token', 'expires_in', 'methods', 'two_factor_required'])
    for (const line of [
      'GET /api/v1/auth/me',
      'GET /api/v1/auth/api-keys',
      'POST /api/v1/auth/2fa/setup',
      'GET /api/v1/quotas',
    ]) {
      expect((await call(line, { token: body.challenge_token })).status).toBe(401)
    }
    const refreshed = await call('POST /api/v1/auth/refresh', { body: { refresh_token: body.challenge_token } })
    expect(refreshed.body.code).toBe('invalid_refresh_token')
  })

  test('a challenge is valid for its own purpose, for five minutes, and once (v5.0.0-9.2.2)', async () => {
    const user = await newTwoFactorUser()
    const { challenge_token } = await challenge(user)
    expect((await finish(user.token, codeOf(user.secret))).body.code).toBe('invalid_challenge')
    expect((await finish(challenge_token, codeOf(user.secret))).body.access_token).toBeDefined()
    advance(STEP)
    expect((await finish(challenge_token, codeOf(user.secret))).body.code).toBe('invalid_challenge')
    const { challenge_token: late } = await challenge(user)
    advance(5 * 60_000)
    expect((await finish(late, codeOf(user.secret))).body.code).toBe('invalid_challenge')
  })

  test('a code works once, even if it is sent twenty times at once (v5.0.0-6.5.1)', async () => {
    const user = await newTwoFactorUser()
    const { challenge_token } = await challenge(user)
    const code = codeOf(user.secret)
    const answers = await Promise.all(Array.from({ length: 20 }, () => finish(challenge_token, code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('so does a backup code in any notation (v5.0.0-6.5.1)', async () => {
    const user = await newTwoFactorUser()
    const [first = '', second = ''] = user.backupCodes
    const challenges = await Promise.all(Array.from({ length: 5 }, () => challenge(user)))
    const answers = await Promise.all(challenges.map(({ challenge_token }) => finish(challenge_token, first)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const { challenge_token } = await challenge(user)
    expect((await finish(challenge_token, ` ${second.toUpperCase().replaceAll('-', ' ')} `)).status).toBe(200)
  })

  test.each([
    ['a space', (code: string) => `${code.slice(0, 3)} ${code.slice(3)}`],
    ['a dash', (code: string) => `${code.slice(0, 3)}-${code.slice(3)}`],
    ['a no-break space', (code: string) => `${code.slice(0, 3)}\u00a0${code.slice(3)}`],
    [
      'full-width digits',
      (code: string) => code.replaceAll(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit))),
    ],
  ])('a code is accepted as people type it: with %s', async (_, type) => {
    const user = await newTwoFactorUser()
    const { challenge_token } = await challenge(user)
    expect((await finish(challenge_token, 'no code!!')).body.code).toBe('invalid_code') // a typo, and not an attempt
    expect((await finish(challenge_token, type(codeOf(user.secret)))).status).toBe(200)
  })

  test('a code two steps old or early is refused (v5.0.0-6.5.5)', async () => {
    const user = await newTwoFactorUser()
    const { challenge_token } = await challenge(user)
    const code = codeOf(user.secret)
    advance(2 * STEP)
    expect((await finish(challenge_token, code)).body.code).toBe('invalid_code')
  })

  test('ten wrong codes, even at once, lock the second factor for a while and nobody out for good (v5.0.0-6.6.3)', async () => {
    const user = await newTwoFactorUser()
    const { challenge_token } = await challenge(user)
    const wrong = await Promise.all(
      Array.from({ length: 25 }, (_, at) => finish(challenge_token, String(100_000 + at))),
    )
    const codes = Map.groupBy(wrong, ({ body }) => body.code)
    expect(codes.get('invalid_code')).toHaveLength(10)
    expect(codes.get('two_factor_locked')).toHaveLength(15)
    const locked = await finish(challenge_token, codeOf(user.secret))
    expect(locked.status).toBe(429)
    expect(Number(locked.headers.get('Retry-After'))).toBeGreaterThan(0)
    advance(15 * 60_000 + 1_000)
    const { challenge_token: later } = await challenge(user)
    expect((await finish(later, codeOf(user.secret))).status).toBe(200)
  })
})

describe('afterwards', () => {
  test('new backup codes invalidate the old ones', async () => {
    const user = await newTwoFactorUser()
    const { body } = await call('POST /api/v1/auth/2fa/backup-codes', {
      token: user.token,
      body: { code: codeOf(user.secret) },
    })
    const { challenge_token } = await challenge(user)
    expect((await finish(challenge_token, user.backupCodes[0] ?? '')).body.code).toBe('invalid_code')
    expect((await finish(challenge_token, body.backup_codes[0])).status).toBe(200)
  })

  test('disabling it takes the password and a code, ends other sessions, and invalidates all codes', async () => {
    const user = await newTwoFactorUser()
    const { challenge_token } = await challenge(user)
    const { body: other } = await finish(challenge_token, user.backupCodes[0] ?? '')
    const off = (body: unknown) => call('POST /api/v1/auth/2fa/disable', { token: user.token, body })
    expect((await off({ password: 'wrong password', code: codeOf(user.secret) })).body.code).toBe('wrong_password')
    expect((await off({ password: user.password, code: '000000' })).body.code).toBe('invalid_code')
    expect((await off({ password: user.password, code: codeOf(user.secret) })).status).toBe(204)
    expect((await call('GET /api/v1/auth/me', { token: other.access_token })).status).toBe(401)
    expect((await login(user)).access_token).toBeDefined()
  })
})

describe('v5.0.0-6.3.7: the owner is told by email', () => {
  test('when the factor is enabled, a backup code is used, new codes are created, and it is disabled', async () => {
    const user = await newTwoFactorUser()
    const { challenge_token } = await challenge(user)
    await finish(challenge_token, user.backupCodes[0] ?? '')
    await call('POST /api/v1/auth/2fa/backup-codes', { token: user.token, body: { code: codeOf(user.secret) } })
    advance(STEP)
    await call('POST /api/v1/auth/2fa/disable', {
      token: user.token,
      body: { password: user.password, code: codeOf(user.secret) },
    })
    for (const subject of [/was enabled/, /backup code was used/i, /new backup codes/i, /was disabled/]) {
      expect((await mailTo(user.email, subject)).to).toBe(user.email)
    }
  })

  test('when wrong codes locked it, once', async () => {
    const user = await newTwoFactorUser()
    const { challenge_token } = await challenge(user)
    await Promise.all(Array.from({ length: 15 }, (_, at) => finish(challenge_token, String(100_000 + at))))
    expect((await mailTo(user.email, /wrong codes/)).text).toContain('locked')
  })
})
