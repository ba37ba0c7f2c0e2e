import { describe, expect, inject, test } from 'vitest'
import { type Answer, call, newKeyHolder, newUser } from '../../support/http.ts'

const ME = '/api/v1/auth/me'
const pathsOf = ({ body }: Answer) => body.errors.map(({ path }: { path: string }) => path)
const login = async (email: string, password: string) => call('POST /api/v1/auth/login', { body: { email, password } })

describe('GET and PUT /api/v1/auth/me', async () => {
  const person = await newUser({ name: 'Grace' })
  const change = (body: unknown) => call(`PUT ${ME}`, { token: person.token, body })

  test('a person reads what registration returned, and no secret', async () => {
    const { status, body, headers } = await call(`GET ${ME}`, { token: person.token })
    expect(status).toBe(200)
    expect(body).toEqual(person.user)
    expect(headers.get('Cache-Control')).toContain('no-store')
  })

  test('a name can be changed and removed, and nothing else changes', async () => {
    const { created_at, id, email } = person.user
    expect((await change({ name: 'Grace Hopper 😀 <b>"' })).body).toMatchObject({
      name: 'Grace Hopper 😀 <b>"',
      id,
      email,
    })
    expect((await change({ name: null })).body.name).toBeNull()
    const { body } = await call(`GET ${ME}`, { token: person.token })
    expect(body).toMatchObject({ name: null, created_at, id, email })
    expect(body.updated_at > created_at).toBe(true)
  })

  test('a name has between 1 and 200 characters', async () => {
    expect((await change({ name: 'n'.repeat(200) })).status).toBe(200)
    for (const name of ['n'.repeat(201), '', ' ']) expect((await change({ name })).status).toBe(400)
  })

  test.each([undefined, 42, true, ['x'], { first: 'x' }, 'nul\u0000'])(
    'a name of %j is refused by name',
    async (name) => {
      const answer = await change({ name })
      expect(answer.status).toBe(400)
      expect(pathsOf(answer)).toContain('body.name')
    },
  )

  test('a person cannot set their role, state, plan, organization or address', async () => {
    const { body: before } = await call(`GET ${ME}`, { token: person.token })
    const wishes = {
      id: crypto.randomUUID(),
      email: 'somebody.else@example.com',
      role: 'viewer',
      is_active: false,
      is_administrator: true,
      is_verified: true,
      two_factor_enabled: true,
      organization_id: inject('credentials').organization_id,
      subscription_tier: 'enterprise',
      password: 'another long password',
      password_hash: 'x',
      created_at: '2001-01-01T00:00:00.000Z',
    }
    for (const [field, value] of Object.entries(wishes)) {
      expect([200, 400], field).toContain((await change({ name: before.name, [field]: value })).status)
    }
    const { body: after } = await call(`GET ${ME}`, { token: person.token })
    expect(after).toEqual({ ...before, updated_at: after.updated_at })
    expect((await login(person.email, person.password)).status).toBe(200)
  })

  test('an API key is not a person: it cannot read or change one', async () => {
    const { key } = await newKeyHolder()
    for (const answer of [
      await call(`GET ${ME}`, { token: key }),
      await call(`PUT ${ME}`, { token: key, body: { name: 'x' } }),
      await call('PUT /api/v1/auth/password', {
        headers: { 'X-API-Key': key },
        body: { current_password: 'x', new_password: 'a fine new password' },
      }),
    ]) {
      expect(answer).toMatchObject({ status: 403, body: { code: 'user_only' } })
    }
  })

  test('a person cannot be read or changed without a credential', async () => {
    expect((await call(`GET ${ME}`)).status).toBe(401)
    expect((await call(`PUT ${ME}`, { body: { name: 'x' } })).status).toBe(401)
  })
})

describe('POST /api/v1/auth/password/change', () => {
  const new_password = 'a completely new phrase'

  test('needs the current password and a good new one; other sessions end, and the old password stops working', async () => {
    const person = await newUser()
    const other = (await login(person.email, person.password)).body
    const answer = await call('POST /api/v1/auth/password/change', {
      token: person.token,
      body: { current_password: person.password, new_password, confirm_password: new_password },
    })
    expect(answer).toMatchObject({ status: 204, body: '' })
    expect((await call(`GET ${ME}`, { token: person.token })).status).toBe(200)
    expect((await call(`GET ${ME}`, { token: other.access_token })).status).toBe(401)
    const refreshed = await call('POST /api/v1/auth/refresh', { body: { refresh_token: other.refresh_token } })
    expect(refreshed.status).toBe(401)
    expect((await login(person.email, person.password)).status).toBe(401)
    expect((await login(person.email, new_password)).status).toBe(200)
  })

  test('also works with PUT', async () => {
    const person = await newUser()
    const body = { current_password: person.password, new_password }
    expect((await call('PUT /api/v1/auth/password', { token: person.token, body })).status).toBe(204)
    expect((await login(person.email, new_password)).status).toBe(200)
  })
})

describe('POST /api/v1/auth/password/change, when it is refused', async () => {
  const person = await newUser()
  const good = { current_password: person.password, new_password: 'a completely new phrase' }
  const change = (token: string, fields: Record<string, unknown>) =>
    call('POST /api/v1/auth/password/change', { token, body: { ...good, ...fields } })

  test('because the current one is wrong, changes nothing and ends nothing (v5.0.0-6.2.3)', async () => {
    for (const wrong of ['not the password', `${person.password} `, person.password.toUpperCase()]) {
      const answer = await change(person.token, { current_password: wrong })
      expect(answer).toMatchObject({ status: 403, body: { code: 'wrong_password' } })
    }
    expect((await call(`GET ${ME}`, { token: person.token })).status).toBe(200)
    expect((await login(person.email, person.password)).status).toBe(200)
    expect((await login(person.email, good.new_password)).status).toBe(401)
  })

  test.each([
    ['current_password', undefined],
    ['current_password', null],
    ['current_password', ''],
    ['current_password', true],
    ['new_password', undefined],
    ['new_password', 1234567890],
    ['new_password', ['a completely new phrase']],
    ['confirm_password', 'a completely new phrasE'],
  ])('because its %s is %j, names the field', async (field, value) => {
    const answer = await change(person.token, { [field]: value })
    expect(answer.status).toBe(400)
    expect(pathsOf(answer)).toContain(`body.${field}`)
  })

  test.each([
    ['9 characters', () => 'zqvmtwkpx'],
    ['257 characters', () => 'zqvm twkp '.repeat(26).slice(0, 257)],
    ['their own address', () => person.email],
    ["the product's name and digits", () => 'tollgate2026'],
    ['one of the commonest', () => 'qwertyuiop'],
  ])('because the new one is %s, changes nothing', async (_, make) => {
    const answer = await change(person.token, { new_password: make() })
    expect(answer.status).toBe(400)
    expect(pathsOf(answer)).toEqual(['body.new_password'])
  })

  test('because a thief with a token guesses: of 15 concurrent passwords ten are checked, not the right one after', async () => {
    const victim = await newUser()
    const tries = Array.from({ length: 15 }, (_, count) => change(victim.token, { current_password: `guess ${count}` }))
    const statuses = Map.groupBy(await Promise.all(tries), ({ status }) => status)
    expect(statuses.get(403)).toHaveLength(10)
    expect(statuses.get(429)).toHaveLength(5)
    expect(Number(statuses.get(429)?.[0]?.headers.get('Retry-After'))).toBeGreaterThan(0)
    expect((await change(victim.token, {})).status).toBe(429)
  })

  test('because two are sent at once with the same current one: one is set, and only its sender gets a success', async () => {
    const racer = await newUser()
    const wishes = ['the first new phrase', 'the second new phrase']
    const answers = await Promise.all(wishes.map((new_password) => change(racer.token, { new_password })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204, 403]))
    const logins = await Promise.all([racer.password, ...wishes].map((password) => login(racer.email, password)))
    expect(logins[0]?.status).toBe(401)
    expect(logins.filter(({ status }) => status === 200)).toHaveLength(1)
  })
})
