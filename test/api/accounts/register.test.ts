import { describe, expect, inject, test } from 'vitest'
import { enforceRateLimits } from '../../../src/limits/endpoint-limits.ts'
import { directly } from '../../support/direct.ts'
import { call, randomIp } from '../../support/http.ts'

const REGISTER = 'POST /api/v1/auth/register'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

const newEmail = () => `new-${crypto.randomUUID()}@example.com`
const register = (fields: Record<string, unknown>) =>
  call(REGISTER, { body: { email: newEmail(), password: 'correct horse battery', ...fields } })

describe('POST /api/v1/auth/register', () => {
  test('a new person gets 201, an account and a free organization of their own, and no secret is returned', async () => {
    const email = newEmail()
    const { status, body, headers } = await register({
      email,
      name: 'Ada Lovelace',
      organization: 'Analytical Engines',
    })
    expect(status).toBe(201)
    expect(headers.get('Cache-Control')).toContain('no-store')
    expect(headers.has('Set-Cookie')).toBe(false)
    expect(body).toEqual({
      id: expect.stringMatching(UUID),
      email,
      name: 'Ada Lovelace',
      subscription_tier: 'free',
      role: 'owner',
      permissions: expect.arrayContaining(['keys:write', 'organization:delete']),
      unmet_requirement: null,
      organization_id: expect.stringMatching(UUID),
      is_active: true,
      is_verified: false,
      keys_need_confirmation: false,
      is_administrator: false,
      two_factor_enabled: false,
      has_password: true,
      created_at: expect.stringMatching(ISO),
      updated_at: expect.stringMatching(ISO),
    })
  })

  test('a taken email address is refused in any case', async () => {
    const email = newEmail()
    expect((await register({ email: email.toUpperCase() })).body.email.toLowerCase()).toBe(email)
    for (const again of [email, email.toUpperCase()]) {
      expect(await register({ email: again })).toMatchObject({ status: 400, body: { code: 'email_taken' } })
    }
  })

  test('of five concurrent registrations of one address exactly one creates an account', async () => {
    const email = newEmail()
    const answers = await Promise.all(Array.from({ length: 5 }, () => register({ email })))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, ...Array(4).fill(400)])
    for (const { body } of answers.filter(({ status }) => status === 400)) expect(body.code).toBe('email_taken')
    const login = await call('POST /api/v1/auth/login', { body: { email, password: 'correct horse battery' } })
    expect(login.status).toBe(200)
  })

  test('the confirmation must equal the password', async () => {
    const differing = await register({ confirm_password: 'correct horse batterY' })
    expect(differing).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(differing.body.errors[0].path).toBe('body.confirm_password')
    expect((await register({ confirm_password: 'correct horse battery' })).status).toBe(201)
  })

  test('fields that only the operator sets cannot be sent', async () => {
    const email = newEmail()
    const wished = {
      id: '01900000-0000-7000-8000-000000000000',
      role: 'admin',
      is_administrator: true,
      is_active: false,
      is_verified: true,
      email_verified_at: '2020-01-01T00:00:00Z',
      two_factor_enabled: true,
      organization_id: inject('credentials').organization_id,
      subscription_tier: 'enterprise',
      plan_id: 'enterprise',
    }
    const registered = await register({ email, ...wished })
    expect([201, 400]).toContain(registered.status)
    if (registered.status === 400) await register({ email })
    const tokens = await call('POST /api/v1/auth/login', { body: { email, password: 'correct horse battery' } })
    const { body: me } = await call('GET /api/v1/auth/me', { token: tokens.body.access_token })
    expect(me).toMatchObject({
      role: 'owner',
      is_administrator: false,
      is_active: true,
      is_verified: false,
      two_factor_enabled: false,
      has_password: true,
      subscription_tier: 'free',
    })
    expect(me.id).not.toBe(wished.id)
    expect(me.organization_id).not.toBe(wished.organization_id)
  })

  test('the 201st registration in an hour from one network is refused before a password is hashed', async () => {
    const ip = randomIp()
    const deps = directly()
    await Promise.all(Array.from({ length: 200 }, () => enforceRateLimits(deps, { register_address: { address: ip } })))
    const answer = await call(REGISTER, { ip, body: { email: newEmail(), password: 'correct horse battery' } })
    expect(answer).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0)
    expect((await register({ email: newEmail(), password: 'short' })).status).toBe(400)
  })
})

describe('POST /api/v1/auth/register: the password', () => {
  const ten = '🪨🐙🌵🦔🧲🪁🛶🧵🪤🫖' // ten code points, twenty UTF-16 units, forty bytes

  test.each([
    ['9 letters', 'zqvmtwkpx'],
    ['9 code points of two units each', ten.slice(0, 18)],
    ['257 letters', 'zqvm twkp '.repeat(26).slice(0, 257)],
    ['257 code points of two units each', ten.repeat(26).slice(0, 514)],
    ['no letter', ''],
  ])('of %s is refused', async (_, password) => {
    const { status, body } = await register({ password })
    expect(status).toBe(400)
    expect(body.errors[0].path).toBe('body.password')
    expect(JSON.stringify(body)).not.toContain(password || '""')
  })

  test.each([
    ['10 lower-case letters', 'zqvmtwkpxy'],
    ['10 code points of two units each', ten],
    ['256 letters', 'zqvm twkp '.repeat(26).slice(0, 256)],
    ['256 code points of two units each', ten.repeat(26).slice(0, 512)],
    ['digits alone', '58203917446120'],
  ])('of %s is accepted', async (_, password) => {
    expect((await register({ password })).status).toBe(201)
  })

  test.each(['1234567890', 'qwertyuiop', '1q2w3e4r5t', 'password123', '0987654321', '1111111111', 'Password123'])(
    'as common as %s is refused',
    async (password) => {
      const { status, body } = await register({ password })
      expect(status).toBe(400)
      expect(body.errors[0].path).toBe('body.password')
    },
  )

  test.each([
    ['the address', 'marguerite.duras@example.com'],
    ['the address in capitals', 'MARGUERITE.DURAS@EXAMPLE.COM'],
    ["the address's local part and digits", 'marguerite.duras1'],
    ["the product's name and digits", 'tollgate2026'],
    ["the product's name in capitals", 'Tollgate123!'],
  ])('made of %s is refused', async (_, password) => {
    const { status, body } = await register({ email: 'marguerite.duras@example.com', password })
    expect(status).toBe(400)
    expect(body.errors[0].path).toBe('body.password')
  })
})

describe('POST /api/v1/auth/register: its fields', () => {
  /** An address with a local part and labels of the maximum length. */
  const ofLength = (length: number) => {
    const domain = `${'d'.repeat(63)}.${'e'.repeat(63)}.${'f'.repeat(length - 64 - 1 - 128)}`
    return `${crypto.randomUUID()}${'l'.repeat(28)}@${domain}`
  }

  test('an address of 254 characters is accepted, one of 255 is not', async () => {
    expect(ofLength(255)).toHaveLength(255)
    expect((await register({ email: ofLength(254) })).status).toBe(201)
    expect((await register({ email: ofLength(255) })).status).toBe(400)
  })

  test.each([
    undefined,
    null,
    42,
    true,
    '',
    'nobody',
    '@example.com',
    'a@',
    'a b@example.com',
    'a@exa mple.com',
    'a@b@example.com',
    'a@example.com\r\nBcc: b@example.com',
    'a\u0000@example.com',
    'a@example.com\u0000',
    ['a@example.com'],
    { $ne: '' },
  ])('%j is not an email address', async (email) => {
    const { status, body } = await register({ email })
    expect(status).toBe(400)
    expect(body).toMatchObject({ code: 'invalid_request' })
    expect(body.errors.map(({ path }: { path: string }) => path)).toContain('body.email')
  })

  test.each([
    ['name', 42],
    ['name', ''],
    ['name', 'n'.repeat(201)],
    ['name', 'nul\u0000'],
    ['organization', ['x']],
    ['organization', 'o'.repeat(201)],
    ['organization', 'nul\u0000'],
    ['password', 1234567890],
    ['password', ['correct horse battery']],
    ['password', null],
    ['confirm_password', 5],
  ])('a %s of %j is refused by name', async (field, value) => {
    const { status, body } = await register({ [field]: value })
    expect(status).toBe(400)
    expect(body.errors.map(({ path }: { path: string }) => path)).toContain(`body.${field}`)
  })
})
