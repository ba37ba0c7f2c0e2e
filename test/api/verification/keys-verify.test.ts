import { describe, expect, inject, test } from 'vitest'
import { administrator, call, eventually, newKeyHolder, setLimits, verify } from '../../support/http.ts'

describe('POST /api/v1/keys/verify', () => {
  test('of 61 verifications in a minute with the key of a free plan 60 are valid and the last is rate limited', async () => {
    const { key } = await newKeyHolder()
    const codes: string[] = []
    for (let count = 0; count < 60; count++) codes.push((await verify(key)).body.code)
    const last = await verify(key)
    expect(new Set(codes)).toEqual(new Set(['VALID']))
    expect(last.body).toMatchObject({ valid: false, code: 'RATE_LIMITED', ratelimit: { limit: 60, remaining: 0 } })
    expect(last.headers.get('RateLimit-Policy')).toBe('"key";q=60;w=60')
    expect(last.headers.get('RateLimit')).toMatch(/^"key";r=0;t=\d+$/)
  })

  test('of 200 concurrent verifications against a remaining quota of 100, exactly 100 are valid', async () => {
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { rate_limit_per_minute: 10_000, api_calls: 100 })
    const answers = await Promise.all(Array.from({ length: 200 }, () => verify(key)))
    const codes = Map.groupBy(answers, (answer) => answer.body.code)
    expect(codes.get('VALID')).toHaveLength(100)
    expect(codes.get('QUOTA_EXCEEDED')).toHaveLength(100)
  })

  test('a refusal consumes neither rate limit nor quota, and a smaller cost still fits', async () => {
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { rate_limit_per_minute: 20, api_calls: 10 })
    expect((await verify(key, { cost: 8 })).body.code).toBe('VALID')
    expect((await verify(key, { cost: 13 })).body).toMatchObject({ code: 'RATE_LIMITED', ratelimit: { remaining: 12 } })
    expect((await verify(key, { cost: 3 })).body).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      quotas: { api_calls: { used: 8, remaining: 2 } },
    })
    expect((await verify(key, { cost: 2 })).body).toMatchObject({
      code: 'VALID',
      ratelimit: { remaining: 10 },
      quotas: { api_calls: { used: 10, remaining: 0 } },
    })
    expect((await verify(key, { cost: 0 })).body).toMatchObject({ code: 'VALID', ratelimit: { remaining: 10 } })
  })

  test.each([-1, 1.5, 1_000_001, '1', null, true, [1], 1e308])(
    'a cost of %j is refused with the name of the field',
    async (cost) => {
      const { body, status } = await verify('whatever', { cost })
      expect(status).toBe(400)
      expect(body.errors[0].path).toBe('body.cost')
    },
  )

  test.each(['ip', 'idempotency_key'])('a %s that Postgres cannot hold is refused by name', async (field) => {
    for (const value of ['nul\u0000', 'half \ud800']) {
      const { status, body } = await verify('whatever', { [field]: value })
      expect([status, body.errors?.[0].path]).toEqual([400, `body.${field}`])
    }
  })

  test('a scope that Postgres cannot hold is refused by name: a refusal is stored with its missing scopes', async () => {
    for (const value of ['nul\u0000', 'half \ud800']) {
      const { status, body } = await verify('whatever', { scopes: ['fine', value] })
      expect([status, body.errors?.[0].path]).toEqual([400, 'body.scopes.1'])
    }
  })

  test('a verdict has the headers of every other response', async () => {
    const [verdict, other] = [await verify((await newKeyHolder()).key), await call('GET /health/live')]
    const shared = [...other.headers].filter(([name]) => !['content-length', 'x-request-id'].includes(name))
    expect(shared.length).toBeGreaterThan(6)
    for (const [name, value] of shared) expect([name, verdict.headers.get(name)]).toEqual([name, value])
    expect(verdict.headers.get('X-Request-Id')).toBe(verdict.body.request_id)
    expect(verdict.headers.get('RateLimit')).toMatch(/^"key";r=59;t=\d+$/)
  })

  test('a service key is required, and a customer learns nothing with theirs', async () => {
    const { key } = await newKeyHolder()
    for (const token of [undefined, key, 'ck_live_nonsense']) {
      const answer = await call('POST /api/v1/keys/verify', { ...(token && { token }), body: { key } })
      expect(answer.status).toBe(401)
      expect(answer.body.code).toBe('unauthenticated')
    }
  })

  test('each verification becomes a usage event, counted in the statistics and the quotas', async () => {
    const { key, token } = await newKeyHolder()
    await Promise.all(Array.from({ length: 7 }, () => verify(key, { endpoint: '/v1/answers', cost: 2 })))
    const { body } = await eventually(
      () => call('GET /api/v1/auth/usage/stats', { token }),
      (answer) => answer.body.totals.requests === 7,
    )
    expect(body.totals).toMatchObject({ requests: 7, api_calls: 14, errors: 0 })
    expect(body.by_endpoint).toMatchObject([{ endpoint: '/v1/answers', requests: 7, api_calls: 14 }])
    const quotas = await call('GET /api/v1/quotas', { token })
    expect(quotas.body.meters.api_calls).toMatchObject({ used: 14, limit: 100_000, remaining: 99_986 })
    expect(inject('credentials').api_key).toMatch(/^pk_test_/)
  })

  test('a revoked service key stops verifying immediately, even for a key whose limits are not checked', async () => {
    const { key } = await newKeyHolder()
    const token = await administrator()
    const scopes = ['platform:verify']
    const { body: service } = await call('POST /api/v1/auth/api-keys', { token, body: { name: 'Service', scopes } })
    const ask = (presented: string) =>
      call('POST /api/v1/keys/verify', { token: service.key, body: { key: presented } })
    expect((await ask(key)).body.code).toBe('VALID')
    expect((await ask('nonsense')).body.code).toBe('NOT_FOUND')
    await call(`DELETE /api/v1/auth/api-keys/${service.id}`, { token })
    expect((await ask(key)).status).toBe(401)
    expect((await ask('nonsense')).status).toBe(401)
  })

  test('a service key without the scope gets a clear error, and a key of another organization learns nothing', async () => {
    const token = await administrator()
    const { body: service } = await call('POST /api/v1/auth/api-keys', { token, body: { name: 'No scope' } })
    const answer = await call('POST /api/v1/keys/verify', { token: service.key, body: { key: 'any' } })
    expect([answer.status, answer.body.code]).toEqual([403, 'forbidden'])
  })
})
