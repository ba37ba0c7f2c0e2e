import { describe, expect, test } from 'vitest'
import { call, newUser } from '../../../support/http.ts'
import { resetToken } from '../../../support/mail.ts'

type Attempt = (password: string) => Promise<{ status: number; body: any }>

/** Every way to choose a password, and the field that has it. */
const WAYS: Record<string, { field: string; begin(): Promise<Attempt> }> = {
  registration: {
    field: 'body.password',
    begin: async () => (password) => call('POST /api/v1/auth/register', { body: { email: anybody(), password } }),
  },
  change: {
    field: 'body.new_password',
    async begin() {
      const { token, password } = await newUser()
      const body = (next: string) => ({ current_password: password, new_password: next })
      return (next) => call('POST /api/v1/auth/password/change', { token, body: body(next) })
    },
  },
  reset: {
    field: 'body.new_password',
    async begin() {
      const { email } = await newUser()
      const token = await resetToken(email)
      return (next) => call('POST /api/v1/auth/password/reset/confirm', { body: { token, new_password: next } })
    },
  },
}

const anybody = () => `weak-${crypto.randomUUID()}@example.com`

describe.each(Object.entries(WAYS))('at %s', (_, { field, begin }) => {
  test.each([
    ['v5.0.0-6.2.1: too short', 'nine char', 'at least 10'],
    ['v5.0.0-6.2.4: among the commonest', 'qwertyuiop', 'most common'],
    ['v5.0.0-6.2.4: common, in other letters', 'QwertyUIOP', 'most common'],
    ['v5.0.0-6.2.4: common, made longer', 'Password2024!', 'most common'],
    ['v5.0.0-6.2.12: known from a breach', 'breached-password-123', 'breach'],
  ])('a password that is %s is refused', async (_, password, reason) => {
    const attempt = await begin()
    const { status, body } = await attempt(password)
    expect(status).toBe(400)
    expect(body).toMatchObject({
      code: 'invalid_request',
      errors: [{ path: field, message: expect.stringContaining(reason) }],
    })
    expect(JSON.stringify(body)).not.toContain(password)

    expect([200, 201, 204]).toContain((await attempt('ten chars!')).status)
  })
})

test('a lone surrogate, which UTF-8 cannot encode, is not allowed in a password', async () => {
  const password = 'seven purple \ud83d lanterns'
  const answers = [
    await call('POST /api/v1/auth/register', { body: { email: `half-${crypto.randomUUID()}@example.com`, password } }),
    await call('POST /api/v1/auth/login', { body: { email: 'nobody@example.com', password } }),
  ]
  for (const { status, body } of answers) {
    expect(status).toBe(400)
    expect(body.errors[0].path).toBe('body.password')
  }
})
