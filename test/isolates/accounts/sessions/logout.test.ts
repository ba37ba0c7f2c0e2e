import { describe, expect, test } from 'vitest'
import { openSession } from '../../../../src/accounts/sessions/open.ts'
import { breakStatement } from '../../../support/broken-stores.ts'
import { directly } from '../../../support/direct.ts'
import { call, newUser } from '../../../support/http.ts'
import { managementDeps } from '../../../support/management.ts'

const ME = 'GET /api/v1/auth/me'

const person = await newUser()
const refresh = (refresh_token: unknown) => call('POST /api/v1/auth/refresh', { body: { refresh_token } })
const logout = (options: Parameters<typeof call>[1]) => call('POST /api/v1/auth/logout', options)
const statusOfMe = async (token: string) => (await call(ME, { token })).status

async function session() {
  const { access_token, refresh_token } = await openSession(managementDeps(directly()), person.user.id, {
    factors: ['password'],
  })
  return { access: access_token, refresh: refresh_token }
}

describe('POST /api/v1/auth/logout', () => {
  test('both tokens of the session are invalid at once afterwards (v5.0.0-7.4.1)', async () => {
    const { access, refresh: token } = await session()
    const answer = await logout({ token: access })
    expect(answer).toMatchObject({ status: 204, body: '' })
    expect(await call(ME, { token: access })).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    expect((await refresh(token)).status).toBe(401)
  })

  test('a refresh token alone is enough', async () => {
    const { access, refresh: token } = await session()
    expect((await logout({ body: { refresh_token: token } })).status).toBe(204)
    expect(await statusOfMe(access)).toBe(401)
    expect((await refresh(token)).status).toBe(401)
  })

  test('both tokens together end it as well', async () => {
    const { access, refresh: token } = await session()
    expect((await logout({ token: access, body: { refresh_token: token } })).status).toBe(204)
    expect(await statusOfMe(access)).toBe(401)
  })

  test("it ends one session and keeps the user's others", async () => {
    const [one, other] = [await session(), await session()]
    await logout({ token: one.access })
    expect(await statusOfMe(other.access)).toBe(200)
    expect((await refresh(other.refresh)).status).toBe(200)
  })

  test('without a token it is refused', async () => {
    for (const body of [undefined, {}]) expect((await logout({ body })).status).toBe(401)
    expect((await logout({ token: 'nonsense' })).status).toBe(401)
  })

  test('it ends the session together with its audit row, or not at all', async () => {
    const { access } = await session()
    const broken = breakStatement('insert into "audit_logs"')
    expect((await logout({ token: access })).status).toBe(503)
    broken.mockRestore()
    expect(await statusOfMe(access)).toBe(200)
    expect((await logout({ token: access })).status).toBe(204)
  })

  test('twenty concurrent ones end the session and none of them fails', async () => {
    const { access } = await session()
    const answers = await Promise.all(Array.from({ length: 20 }, () => logout({ token: access })))
    for (const { status } of answers) expect([204, 401]).toContain(status)
    expect(answers.some(({ status }) => status === 204)).toBe(true)
    expect(await statusOfMe(access)).toBe(401)
  })

  test('reading never ends a session', async () => {
    const { access } = await session()
    for (const method of ['GET', 'HEAD']) {
      expect((await call(`${method} /api/v1/auth/logout`, { token: access })).status).toBe(405)
    }
    expect(await statusOfMe(access)).toBe(200)
  })
})
