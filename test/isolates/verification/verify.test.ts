import { describe, expect, test, vi } from 'vitest'
import { call, newKeyHolder, setLimits } from '../../support/http.ts'
import { countTrips, NOWHERE, newIsolate } from '../../support/isolate.ts'

const SECOND = 1_000

describe('round trips', () => {
  test('a cold verification queries Neon once and Redis once, a warm one only Redis', async () => {
    const { key } = await newKeyHolder()
    const other = await newIsolate()
    await other.verify(key) // from now on Redis knows the script
    await other.settled()
    const isolate = await newIsolate()
    const cold = await countTrips(async () => expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' }))
    const warm = await countTrips(async () => expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' }))
    await isolate.settled()
    expect(cold).toEqual({ sql: 1, redis: 1 })
    expect(warm).toEqual({ sql: 0, redis: 1 })
  })

  test('a malformed key or one with a wrong checksum queries nothing', async () => {
    const { key } = await newKeyHolder()
    const isolate = await newIsolate()
    const wrong = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0')
    const trips = await countTrips(async () => {
      for (const bad of [wrong, 'nonsense', `${key} `, key.toUpperCase(), key.replace('_live_', '_prod_')]) {
        expect(await isolate.verify(bad)).toMatchObject({ valid: false, code: 'NOT_FOUND' })
      }
    })
    expect(trips).toEqual({ sql: 0, redis: 0 })
  })

  test('an unknown key queries Neon once, however often it is tried', async () => {
    const isolate = await newIsolate()
    const { newKey } = await isolate.load(() => import('../../../src/verification/key-format.ts'))
    const unknown = newKey('ck', 'live')
    const trips = await countTrips(() => Promise.all(Array.from({ length: 10 }, () => isolate.verify(unknown))))
    expect(trips).toEqual({ sql: 1, redis: 0 })
    const again = await countTrips(async () => {
      const verdict = await isolate.verify(unknown)
      expect(Object.keys(verdict).toSorted()).toEqual(['code', 'request_id', 'retry_after', 'status', 'valid'])
    })
    expect(again).toEqual({ sql: 0, redis: 0 })
  })

  test('concurrent requests that miss the same key share one query', async () => {
    const { key } = await newKeyHolder()
    const isolate = await newIsolate()
    const verifyTogether = () => Promise.all(Array.from({ length: 20 }, () => isolate.verify(key)))
    const trips = await countTrips(verifyTogether)
    await isolate.settled()
    expect(trips.sql).toBe(1)
    expect(trips.redis).toBe(20)
  })
})

describe('what another isolate sees', () => {
  test('a revoked key is refused at the next verification by an isolate that has it cached', async () => {
    const { key, keyId, token } = await newKeyHolder()
    const isolate = await newIsolate()
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    expect((await call(`DELETE /api/v1/auth/api-keys/${keyId}`, { token })).status).toBe(204)
    expect(await isolate.verify(key)).toMatchObject({ valid: false, code: 'REVOKED' })
    await isolate.settled()
  })

  test('changed limits apply at the next verification', async () => {
    const { key, organizationId } = await newKeyHolder()
    const isolate = await newIsolate()
    expect(await isolate.verify(key)).toMatchObject({ ratelimit: { limit: 60 } })
    await setLimits(organizationId, { rate_limit_per_minute: 5, api_calls: 3 })
    expect(await isolate.verify(key)).toMatchObject({
      ratelimit: { limit: 5, remaining: 3 },
      quotas: { api_calls: { limit: 3 } },
    })
    await setLimits(organizationId, { rate_limit_per_minute: null, api_calls: null })
    expect(await isolate.verify(key)).toMatchObject({
      ratelimit: { limit: 60 },
      quotas: { api_calls: { limit: 100_000 } },
    })
    await isolate.settled()
  })

  test('while Redis fails a revocation takes effect once the cached row has reached its maximum age', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, keyId, token } = await newKeyHolder()
    const isolate = await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE })
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    await call(`DELETE /api/v1/auth/api-keys/${keyId}`, { token })
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    isolate.advance(25 * SECOND)
    expect(await isolate.verify(key)).toMatchObject({ code: 'REVOKED' })
    await isolate.settled()
  })
})

describe('rules', () => {
  test('a key expires exactly at its expiry, even from memory, and a refusal consumes nothing', async () => {
    const isolate = await newIsolate()
    const expires_at = new Date(isolate.now() + 60 * SECOND).toISOString()
    const { key } = await newKeyHolder({ expires_at })
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID', expires_at, quotas: { api_calls: { used: 1 } } })
    isolate.advance(Date.parse(expires_at) - isolate.now() - 5 * SECOND)
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID', quotas: { api_calls: { used: 2 } } })
    isolate.advance(5 * SECOND)
    const refused = await isolate.verify(key)
    expect(refused).toMatchObject({ valid: false, code: 'EXPIRED' })
    expect(refused.quotas).toBeUndefined()
    await isolate.settled()
  })

  test('scopes and addresses are checked before anything is consumed', async () => {
    const { key } = await newKeyHolder({
      scopes: ['reports:*', 'answers:read'],
      allowed_ips: ['192.0.2.0/24', '2001:db8::/32'],
    })
    const isolate = await newIsolate()
    const ip = '192.0.2.7'
    expect(await isolate.verify(key, { ip, scopes: ['reports:read', 'answers:read'] })).toMatchObject({ code: 'VALID' })
    expect(await isolate.verify(key, { ip: '2001:db8:1::1' })).toMatchObject({ code: 'VALID' })
    expect(await isolate.verify(key, { ip, scopes: ['answers:write'] })).toMatchObject({ code: 'INSUFFICIENT_SCOPE' })
    expect(await isolate.verify(key, { ip: '192.0.3.1', scopes: ['answers:write'] })).toMatchObject({
      code: 'FORBIDDEN_IP',
    })
    expect(await isolate.verify(key)).toMatchObject({ code: 'FORBIDDEN_IP' })
    expect(await isolate.verify(key, { ip })).toMatchObject({ code: 'VALID', quotas: { api_calls: { used: 3 } } })
    await isolate.settled()
  })

  test('a suspended organization has no working keys, and they work again afterwards', async () => {
    const { key, organizationId } = await newKeyHolder()
    const isolate = await newIsolate()
    const { publishVersion } = await isolate.load(() => import('../../../src/limits/versions.ts'))
    const { organizationVersionKey } = await isolate.load(() => import('../../../src/limits/limit-request.ts'))
    async function suspend(at: string | null) {
      const [row] = await isolate
        .deps()
        .sql.query(
          'update organizations set suspended_at = $2, version = version + 1 where id = $1 returning version',
          [organizationId, at],
        )
      await publishVersion(isolate.deps(), organizationVersionKey(organizationId), row?.version)
    }
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    await suspend(new Date().toISOString())
    expect(await isolate.verify(key)).toMatchObject({ code: 'ORGANIZATION_SUSPENDED' })
    await suspend(null)
    isolate.advance(2 * SECOND)
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    await isolate.settled()
  })
})
