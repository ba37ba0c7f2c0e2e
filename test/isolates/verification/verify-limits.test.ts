import { describe, expect, test, vi } from 'vitest'
import { toMonth } from '../../../src/lib/period.ts'
import { quotaKey } from '../../../src/limits/limit-request.ts'
import { newKeyHolder, setLimits } from '../../support/http.ts'
import { NOWHERE, newIsolate } from '../../support/isolate.ts'

describe('quotas over isolates', () => {
  test('three concurrent isolates never admit more than the quota', async () => {
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { rate_limit_per_minute: 100_000, api_calls: 50 })
    const isolates = [await newIsolate(), await newIsolate(), await newIsolate()]
    const verdicts = await Promise.all(
      isolates.flatMap((isolate) => Array.from({ length: 40 }, () => isolate.verify(key))),
    )
    await Promise.all(isolates.map((isolate) => isolate.settled()))
    expect(verdicts.filter(({ valid }) => valid)).toHaveLength(50)
  })

  test('a lost Redis counter is rebuilt from recorded usage', async () => {
    const { key, organizationId } = await newKeyHolder()
    const isolate = await newIsolate()
    for (let count = 0; count < 4; count++) await isolate.verify(key, { cost: 5 })
    await isolate.settled()
    await isolate.deps().redis.shared.del(quotaKey(organizationId, toMonth(Date.now()).name))
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID', quotas: { api_calls: { used: 21 } } })
    isolate.advance(10_000)
    await isolate.settled()
    await isolate.deps().redis.shared.del(quotaKey(organizationId, toMonth(Date.now()).name))
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID', quotas: { api_calls: { used: 22 } } })
    await isolate.settled()
  })

  test('units admitted while Redis was down count from the next database read on', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key } = await newKeyHolder()
    const isolate = await newIsolate()
    await isolate.verify(key, { cost: 3 })
    await isolate.settled()
    const alone = await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE })
    await alone.verify(key, { cost: 10 })
    await alone.settled()
    isolate.advance(25_000)
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID', quotas: { api_calls: { used: 14 } } })
    await isolate.settled()
    vi.restoreAllMocks()
  })

  test('a refused attempt does not use up the idempotency key of an admitted one', async () => {
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { api_calls: 5 })
    const isolate = await newIsolate()
    const idempotency_key = 'r1'
    expect(await isolate.verify(key, { cost: 6, idempotency_key })).toMatchObject({ code: 'QUOTA_EXCEEDED' })
    await isolate.settled()
    expect(await isolate.verify(key, { cost: 4, idempotency_key })).toMatchObject({ code: 'VALID' })
    await isolate.settled()
    const [row] = await isolate
      .deps()
      .sql.query('select sum(api_calls)::int as used from usage_hourly where organization_id = $1', [organizationId])
    expect(row?.used).toBe(4)
  })

  test('a new month begins at zero, in UTC, with the same key still in memory', async () => {
    const { key } = await newKeyHolder()
    const isolate = await newIsolate()
    const { end } = toMonth(isolate.now())
    isolate.advance(end - isolate.now() - 20_000)
    expect(await isolate.verify(key, { cost: 7 })).toMatchObject({
      quotas: { api_calls: { used: 7, resets_at: new Date(end).toISOString() } },
    })
    isolate.advance(21_000)
    const verdict = await isolate.verify(key)
    expect(verdict).toMatchObject({
      code: 'VALID',
      quotas: { api_calls: { used: 1, resets_at: new Date(toMonth(end).end).toISOString() } },
    })
    await isolate.settled()
  })
})

describe('the rate limit', () => {
  test("a key's own limit falls with its organization's, unless an administrator set it", async () => {
    const { key, organizationId } = await newKeyHolder({ custom_rate_limit: 50 })
    const isolate = await newIsolate()
    expect(await isolate.verify(key)).toMatchObject({ ratelimit: { limit: 50 } })
    await setLimits(organizationId, { rate_limit_per_minute: 20 })
    expect(await isolate.verify(key)).toMatchObject({ ratelimit: { limit: 20 } })
    await setLimits(organizationId, { rate_limit_per_minute: 100 })
    expect(await isolate.verify(key)).toMatchObject({ ratelimit: { limit: 50 } })
    await isolate.settled()
  })

  test('a caller that waits until reset is admitted, and one that comes a moment earlier is not', async () => {
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { rate_limit_per_minute: 10 })
    const isolate = await newIsolate()
    expect(await isolate.verify(key, { cost: 10 })).toMatchObject({ code: 'VALID', ratelimit: { remaining: 0 } })
    const { ratelimit } = await isolate.verify(key, { cost: 4 })
    const waitMs = Date.parse(ratelimit?.resets_at ?? '') - isolate.now()
    expect(waitMs).toBeGreaterThan(0)
    isolate.advance(waitMs - 15_000)
    expect(await isolate.verify(key, { cost: 4 })).toMatchObject({ code: 'RATE_LIMITED' })
    isolate.advance(15_000)
    expect(await isolate.verify(key, { cost: 4 })).toMatchObject({ code: 'VALID' })
    await isolate.settled()
  })

  test('an isolate whose clock lags cannot reopen a window that others closed', async () => {
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { rate_limit_per_minute: 10 })
    const [ahead, behind] = [await newIsolate(), await newIsolate()]
    ahead.skew(30_000)
    behind.skew(-30_000)
    expect(await ahead.verify(key, { cost: 6 })).toMatchObject({ code: 'VALID' })
    expect(await behind.verify(key, { cost: 5 })).toMatchObject({ code: 'RATE_LIMITED' })
    expect(await behind.verify(key, { cost: 4 })).toMatchObject({ code: 'VALID' })
    expect(await ahead.verify(key, { cost: 1 })).toMatchObject({ code: 'RATE_LIMITED' })
    await Promise.all([ahead.settled(), behind.settled()])
  })

  test('a cost above the limit never fits, and requesting it consumes nothing', async () => {
    const { key } = await newKeyHolder()
    const isolate = await newIsolate()
    expect(await isolate.verify(key, { cost: 61 })).toMatchObject({
      code: 'RATE_LIMITED',
      ratelimit: { remaining: 60 },
    })
    expect(await isolate.verify(key, { cost: 1_000_000 })).toMatchObject({ code: 'RATE_LIMITED' })
    expect(await isolate.verify(key, { cost: 60 })).toMatchObject({ code: 'VALID', ratelimit: { remaining: 0 } })
    await isolate.settled()
  })
})
