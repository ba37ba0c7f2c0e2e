import { afterEach, describe, expect, test, vi } from 'vitest'
import { call, newUser } from '../../../support/http.ts'

afterEach(() => void vi.useRealTimers())

const DAY = 24 * 3_600_000

async function signIn({ email, password }: { email: string; password: string }, userAgent: string) {
  const { body } = await call('POST /api/v1/auth/login', {
    body: { email, password },
    headers: { 'User-Agent': userAgent },
  })
  return body as { access_token: string; refresh_token: string }
}

const list = async (token: string) => (await call('GET /api/v1/auth/sessions', { token })).body.data
const me = async (token: string) => (await call('GET /api/v1/auth/me', { token })).status
const refresh = (refresh_token: string) => call('POST /api/v1/auth/refresh', { body: { refresh_token } })

describe('v5.0.0-7.5.2: a user', () => {
  test('sees their own sessions with device and address, the current one marked', async () => {
    const user = await newUser()
    await signIn(user, 'Phone of a test')
    const sessions = await list(user.token)
    expect(sessions).toHaveLength(2)
    expect(sessions[0]).toMatchObject({
      user_agent: 'Phone of a test',
      is_current: false,
      ip: expect.stringMatching(/^10\./),
    })
    expect(sessions[1]).toMatchObject({ is_current: true })
  })

  test('ends one of them at once, including its refresh token, and nobody else can', async () => {
    const [user, stranger] = [await newUser(), await newUser()]
    const phone = await signIn(user, 'Phone')
    const [{ id }] = await list(user.token)
    const foreign = await call(`DELETE /api/v1/auth/sessions/${id}`, { token: stranger.token })
    const unknown = await call(`DELETE /api/v1/auth/sessions/${crypto.randomUUID()}`, { token: stranger.token })
    expect([foreign.status, foreign.body.code]).toEqual([404, 'session_not_found'])
    expect({ ...foreign.body, request_id: '' }).toEqual({ ...unknown.body, request_id: '' })
    expect(await me(phone.access_token)).toBe(200)

    expect((await call(`DELETE /api/v1/auth/sessions/${id}`, { token: user.token })).status).toBe(204)
    expect(await me(phone.access_token)).toBe(401)
    expect((await refresh(phone.refresh_token)).status).toBe(401)
    expect(await list(user.token)).toHaveLength(1)
    expect((await call(`DELETE /api/v1/auth/sessions/${id}`, { token: user.token })).status).toBe(404)
  })

  test('ends all others, and keeps the current one', async () => {
    const user = await newUser()
    const others = [await signIn(user, 'A'), await signIn(user, 'B')]
    expect((await call('DELETE /api/v1/auth/sessions', { token: user.token })).status).toBe(204)
    expect(await Promise.all(others.map(({ access_token }) => me(access_token)))).toEqual([401, 401])
    expect(await me(user.token)).toBe(200)
  })

  test('sees each session once, page by page', async () => {
    const user = await newUser()
    for (const name of ['A', 'B']) await signIn(user, name)
    const first = await call('GET /api/v1/auth/sessions?limit=2', { token: user.token })
    const second = await call(`GET /api/v1/auth/sessions?limit=2&cursor=${first.body.next_cursor}`, {
      token: user.token,
    })
    expect([...first.body.data, ...second.body.data].map(({ user_agent }) => user_agent)).toHaveLength(3)
    expect(second.body.next_cursor).toBeNull()
  })
})

describe('a session ends', () => {
  test('if it was not used for 14 days (v5.0.0-7.3.1)', async () => {
    const user = await newUser()
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(Date.now() + 14 * DAY + 1_000)
    expect((await refresh(user.refreshToken)).status).toBe(401)
  })

  test('after 90 days, however often it is refreshed (v5.0.0-7.3.2)', async () => {
    const user = await newUser()
    vi.useFakeTimers({ toFake: ['Date'] })
    const start = Date.now()
    let token = user.refreshToken
    for (let day = 10; day < 90; day += 10) {
      vi.setSystemTime(start + day * DAY)
      const { status, body } = await refresh(token)
      expect(status).toBe(200)
      token = body.refresh_token
    }
    vi.setSystemTime(start + 90 * DAY + 1_000)
    expect((await refresh(token)).status).toBe(401)
  })
})
