import { afterEach, describe, expect, test, vi } from 'vitest'
import { breakStores } from '../../support/broken-stores.ts'
import { failFor } from '../../support/faults.ts'
import { newKeyHolder, setLimits } from '../../support/http.ts'
import { NOWHERE, newIsolate } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

describe('while Redis fails', () => {
  test('limits hold per isolate, quotas against the last known figure, and usage is recorded', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { rate_limit_per_minute: 5, api_calls: 8 })
    const healthy = await newIsolate()
    expect(await healthy.verify(key, { cost: 4 })).toMatchObject({ code: 'VALID' })
    await healthy.settled()

    const alone = await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE })
    expect(await alone.verify(key, { cost: 6 })).toMatchObject({ code: 'RATE_LIMITED' })
    expect(await alone.verify(key, { cost: 5 })).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      quotas: { api_calls: { used: 4 } },
    })
    expect(await alone.verify(key, { cost: 3 })).toMatchObject({ code: 'VALID', quotas: { api_calls: { used: 7 } } })
    expect(await alone.verify(key, { cost: 2 })).toMatchObject({ code: 'QUOTA_EXCEEDED' })
    await alone.settled()

    const [row] = await healthy
      .deps()
      .sql.query('select sum(api_calls)::int as used from usage_hourly where organization_id = $1', [organizationId])
    expect(row?.used).toBe(7)
    vi.restoreAllMocks()
  })

  test.each([
    ['quota', 2, { rate_limit_per_minute: 100_000, api_calls: 60 }],
    ['quota', 10, { rate_limit_per_minute: 100_000, api_calls: 60 }],
    ['rate limit', 2, { rate_limit_per_minute: 60, api_calls: 100_000 }],
    ['rate limit', 2, { rate_limit_per_minute: 60, api_calls: 100_000 }],
    ['rate limit', 2, { rate_limit_per_minute: 60, api_calls: 100_000 }],
    ['rate limit', 10, { rate_limit_per_minute: 60, api_calls: 100_000 }],
  ])('no %s is exceeded if each %i. request to Redis is lost', async (_, every, limits) => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, limits)
    const isolate = await newIsolate()
    breakEveryNth(every)
    const codes: string[] = []
    for (let round = 0; round < 10; round++) {
      const verdicts = await Promise.all(Array.from({ length: 10 }, () => isolate.verify(key)))
      codes.push(...verdicts.map(({ code }) => code))
    }
    expect(codes.filter((code) => code === 'VALID')).toHaveLength(60)
    vi.restoreAllMocks()
    await isolate.settled()
  })

  test('an isolate continues from its last response, and Redis from what the isolate admitted', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { rate_limit_per_minute: 8, api_calls: 1_000 })
    const [isolate, other] = [await newIsolate(), await newIsolate()]
    for (let count = 0; count < 3; count++) await isolate.verify(key)
    breakStores(['/redis'])
    const alone = await Promise.all(Array.from({ length: 4 }, () => isolate.verify(key)))
    expect(alone.map(({ code }) => code)).toEqual(['VALID', 'VALID', 'VALID', 'VALID'])
    vi.restoreAllMocks()
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID', ratelimit: { remaining: 0 } })
    expect(await isolate.verify(key)).toMatchObject({ code: 'RATE_LIMITED' })
    expect(await other.verify(key)).toMatchObject({ code: 'RATE_LIMITED' })
    breakStores(['/redis'])
    expect(await isolate.verify(key)).toMatchObject({ code: 'RATE_LIMITED' })
    vi.restoreAllMocks()
    await Promise.all([isolate.settled(), other.settled()])
    vi.restoreAllMocks()
  })

  test('units admitted locally count once in the quota, before and after their events are written', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { rate_limit_per_minute: 100_000, api_calls: 100_000 })
    const isolate = await newIsolate()
    await isolate.verify(key, { cost: 10 })
    await isolate.settled()
    for (const [later, used] of [
      [0, 31],
      [10_000, 52],
    ] as const) {
      breakStores(['/redis'])
      expect(await isolate.verify(key, { cost: 20 })).toMatchObject({ code: 'VALID' })
      vi.restoreAllMocks()
      await isolate.settled()
      isolate.advance(later)
      expect(await isolate.verify(key)).toMatchObject({ code: 'VALID', quotas: { api_calls: { used } } })
      await isolate.settled()
    }
    vi.restoreAllMocks()
  })

  test('are added to Redis once, however often the response is lost', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { rate_limit_per_minute: 1_000, api_calls: 1_000 })
    const isolate = await newIsolate()
    await isolate.verify(key)
    breakStores(['/redis'])
    expect(await isolate.verify(key, { cost: 100 })).toMatchObject({ code: 'VALID' })
    vi.restoreAllMocks()
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const lost = breakStores(['/redis'], 'lose')
    for (let count = 0; count < 4; count++) await isolate.verify(key, { cost: 1 })
    lost.mockRestore()
    expect(await isolate.verify(key)).toMatchObject({
      code: 'VALID',
      ratelimit: { remaining: 1_000 - 1 - 100 - 4 - 1 },
      quotas: { api_calls: { used: 1 + 100 + 4 + 1 } },
    })
    vi.restoreAllMocks()
    await isolate.settled()
  })

  test('are not forgotten if Neon fails when Redis is back', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { rate_limit_per_minute: 1_000, api_calls: 100 })
    const isolate = await newIsolate()
    await isolate.verify(key)
    const noRedis = breakStores(['/redis'])
    for (let count = 0; count < 60; count++) expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    await isolate.settled()
    noRedis.mockRestore()
    isolate.advance(4_000)
    breakStores(['/sql'])
    const codes: string[] = []
    for (let count = 0; count < 60; count++)
      codes.push(
        await isolate.verify(key).then(
          ({ code }) => code,
          () => 'UNAVAILABLE',
        ),
      )
    expect(codes.filter((code) => code === 'VALID').length).toBeLessThanOrEqual(39)
    expect(codes).not.toContain('UNAVAILABLE')
    vi.restoreAllMocks()
    await isolate.settled()
  })

  test('reservations fit into what this isolate knows and has granted', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { organizationId: organization_id } = await newKeyHolder()
    await setLimits(organization_id, { tokens: 10_000 })
    const isolate = await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE })
    const holds = await Promise.all(
      Array.from({ length: 60 }, () => isolate.reserve({ organization_id, tokens: 1_000 })),
    )
    expect(holds.filter(({ granted }) => granted)).toHaveLength(10)
    await isolate.settled()
    vi.restoreAllMocks()
  })

  test('a deployment that chose to fail closed answers unavailable instead', async () => {
    const { key } = await newKeyHolder()
    const closed = await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE, ON_LIMITER_OUTAGE: 'closed' })
    await expect(closed.verify(key)).rejects.toMatchObject({ code: 'unavailable' })
    await closed.settled()
  })

  test('a Redis that is slower than the timeout is not awaited', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, keyId } = await newKeyHolder()
    const isolate = await newIsolate({ REDIS_TIMEOUT_MS: '100' })
    await failFor(keyId, { door: 'redis', kind: 'delay', value: 2_000, count: 1 })
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    await isolate.settled()
    vi.restoreAllMocks()
  })
})

/** A network that loses every nth request to Redis. */
function breakEveryNth(every: number): void {
  const real = globalThis.fetch
  let count = 0
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const isRedis = String(input instanceof Request ? input.url : input).includes('/redis')
    if (isRedis && ++count % every === 0) throw new TypeError('connection lost')
    return real(input, init)
  })
}
