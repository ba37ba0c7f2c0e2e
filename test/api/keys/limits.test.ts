import { describe, expect, test } from 'vitest'
import { call, newKeyHolder, verify } from '../../support/http.ts'

const NAMED = { name: 'reports', limit: 10, window_seconds: 3_600, cost: 3 }
const read = (id: string, token: string) => call(`GET /api/v1/auth/api-keys/${id}/limits`, { token })

describe('GET /api/v1/auth/api-keys/{id}/limits', () => {
  test('shows what is left, and takes nothing', async () => {
    const { keyId: id, key, token } = await newKeyHolder({ limits: [NAMED] })
    expect((await verify(key, { cost: 20 })).body.valid).toBe(true)
    const first = await read(id, token)
    expect(first.status).toBe(200)
    expect(first.body.ratelimit.limit).toBe(60)
    expect(first.body.ratelimit.remaining).toBeLessThanOrEqual(40)
    expect(first.body.limits).toEqual({ reports: { limit: 10, remaining: 7, resets_at: expect.any(String) } })
    expect((await read(id, token)).body.limits.reports.remaining).toBe(7)
  })

  test('returns for a replaced key the limits of its successor', async () => {
    const { keyId: id, token } = await newKeyHolder({ limits: [NAMED] })
    const rotated = await call(`POST /api/v1/auth/api-keys/${id}/rotate`, { token, body: { grace_period_seconds: 60 } })
    await verify(rotated.body.key)
    expect((await read(id, token)).body.limits.reports.remaining).toBe(7)
  })

  test('does not find a key of others', async () => {
    const [one, other] = await Promise.all([newKeyHolder(), newKeyHolder()])
    expect((await read(one.keyId, other.token)).body.code).toBe('key_not_found')
  })
})
