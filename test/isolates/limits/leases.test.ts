import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Period, toMonth } from '../../../src/lib/period.ts'
import { keyVersionKey, type LimitRequest, quotaKey } from '../../../src/limits/limit-request.ts'
import { publishVersion } from '../../../src/limits/versions.ts'
import { breakStores } from '../../support/broken-stores.ts'
import { newKeyHolder, setLimits } from '../../support/http.ts'
import { countTrips, countUsageWrites, NOWHERE, newIsolate } from '../../support/isolate.ts'
import { readQuota } from '../../support/quota.ts'
import { unitsIn } from '../../support/windows.ts'

afterEach(() => vi.useRealTimers())

/** No lease expires until time is advanced. */
const stopTime = () => vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })

/** A key that may be used often, and how often that is in all. */
async function busyKey(apiCalls = 1_000_000) {
  const holder = await newKeyHolder()
  await setLimits(holder.organizationId, { rate_limit_per_minute: 1_000_000, api_calls: apiCalls })
  return holder
}

type Isolate = Awaited<ReturnType<typeof newIsolate>>

const times = async (isolate: Isolate, key: string, count: number) => {
  const codes: string[] = []
  for (let at = 0; at < count; at++) codes.push((await isolate.verify(key)).code)
  return codes
}

const usedOf = async (isolate: Isolate, organizationId: string) =>
  (await readQuota(isolate.deps().redis.shared, quotaKey(organizationId, toMonth(Date.now()).name))).api_calls ?? 0

describe('a quiet key', () => {
  test('asks Redis each time', async () => {
    const { key, organizationId } = await busyKey()
    const isolate = await newIsolate()
    await isolate.verify(key)
    const trips = await countTrips(async () => {
      for (let count = 0; count < 8; count++) {
        isolate.advance(300)
        await isolate.verify(key)
      }
    })
    expect(trips.redis).toBe(8)
    expect(await usedOf(isolate, organizationId)).toBe(9)
  })
})

/** Tests that count requests come first: returned leases of the others would be counted as well. */
describe('a busy key', () => {
  test('has no lease for repeats that count once, for reads, or for the last two hundred units', async () => {
    const { key, organizationId } = await busyKey(150)
    const isolate = await newIsolate()
    await times(isolate, key, 10)
    expect(await usedOf(isolate, organizationId)).toBe(10)
    const trips = await countTrips(() => times(isolate, key, 20))
    expect(trips.redis).toBeGreaterThanOrEqual(20)
    expect((await times(isolate, key, 125)).filter((code) => code === 'VALID')).toHaveLength(120)
  })

  test('gets no lease for half a minute after a lost response: a lease may have been taken that nobody has', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const isolate = await newIsolate()
    const [windowKey, start] = [crypto.randomUUID(), Date.now()]
    const take = async (afterMs: number, count: number) => {
      const windows: LimitRequest['windows'] = [{ key: windowKey, windowMs: 60_000, limit: 100_000, cost: 1 }]
      const claim = { now: start + afterMs, aheadMs: afterMs, organizationId: undefined, windows, versions: [] }
      for (let at = 0; at < count; at++) await isolate.consumeLeased(claim)
    }
    const trips = async (afterMs: number, count: number) => (await countTrips(() => take(afterMs, count))).redis
    await take(0, 4)
    breakStores(['/redis'], 'lose')
    await take(0, 1)
    vi.restoreAllMocks()
    expect([9, 10]).toContain(await trips(0, 8)) // the first adds local admissions, with a script that Redis may not have
    expect(await trips(29_999, 8)).toBe(8)
    expect(await trips(30_000, 21)).toBe(1) // all of a lease of twenty: nothing of it returns
  })

  test('gets none either while an outage refuses everything', async () => {
    const isolate = await newIsolate({ ON_LIMITER_OUTAGE: 'closed' })
    stopTime()
    const claim: LimitRequest = {
      now: Date.now(),
      aheadMs: 0,
      organizationId: undefined,
      windows: [{ key: crypto.randomUUID(), windowMs: 60_000, limit: 100_000, cost: 1 }],
      versions: [],
    }
    for (let count = 0; count < 4; count++) await isolate.consumeLeased(claim)
    breakStores(['/redis'], 'lose')
    for (let count = 0; count < 50; count++)
      await expect((async () => isolate.consumeLeased(claim))()).rejects.toThrow()
    vi.restoreAllMocks()
    const admission = await isolate.consumeLeased(claim)
    vi.useRealTimers()
    const taken = 'windows' in admission ? 100_000 - (admission.windows[0]?.remaining ?? 0) : 0
    expect(taken).toBeLessThanOrEqual(4 + 3 + 49 + 1 + 20) // three tries of the first, and one lease of twenty that nobody has
  })

  test('gets no lease that its next request would not fit into, and the rest of one returns when another begins', async () => {
    const isolate = await newIsolate()
    stopTime()
    const windowKey = crypto.randomUUID()
    const claim = (cost: number): LimitRequest => ({
      now: Date.now(),
      aheadMs: 0,
      organizationId: undefined,
      windows: [{ key: windowKey, windowMs: 60_000, limit: 4_000, cost }],
      versions: [],
    })
    const counted = () => unitsIn(isolate.deps().redis.shared, windowKey)
    for (let count = 0; count < 10; count++) await isolate.consumeLeased(claim(300))
    expect(await counted()).toBe(3_000) // a twentieth of what is left is less than one more
    for (let count = 0; count < 10; count++) await isolate.consumeLeased(claim(1))
    await isolate.consumeLeased(claim(45)) // fits into no lease: another one begins, if any
    vi.advanceTimersByTime(2_000)
    vi.useRealTimers()
    await isolate.settled()
    expect(await counted()).toBe(3_000 + 10 + 45)
  })

  test('has a lease again at once after its row was changed', async () => {
    const { key, keyId } = await busyKey()
    const isolate = await newIsolate()
    await times(isolate, key, 30)
    const { sql } = isolate.deps()
    await sql.query('update api_keys set name = $2, version = version + 1 where id = $1', [keyId, 'renamed'])
    await publishVersion(isolate.deps(), keyVersionKey(keyId), 2)
    isolate.advance(1_600)
    const trips = await countTrips(async () => void (await times(isolate, key, 60)))
    expect(trips.redis).toBeLessThanOrEqual(20)
  })

  test('asks Redis once more when another service verifies it, which then shares the lease', async () => {
    const isolate = await newIsolate()
    stopTime()
    const [windowKey, ...services] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()]
    const claim = (service = '', version = 1): LimitRequest => ({
      now: Date.now(),
      aheadMs: 0,
      organizationId: undefined,
      windows: [{ key: windowKey, windowMs: 60_000, limit: 100_000, cost: 1 }],
      versions: [{ key: `version:test:${service}`, version }],
    })
    for (let count = 0; count < 10; count++) await isolate.consumeLeased(claim(services[0]))
    const trips = await countTrips(async () => {
      for (let count = 0; count < 8; count++) await isolate.consumeLeased(claim(services[count % 2]))
    })
    expect(trips.redis).toBe(1)
    const changed = await countTrips(async () => isolate.consumeLeased(claim(services[1], 2)))
    expect(changed.redis).toBe(1)
  })

  test('spends no lease beyond the end of the month in which it was taken', async () => {
    const isolate = await newIsolate()
    stopTime()
    const now = Date.now()
    const claim = (at: number, period: Period): LimitRequest => ({
      now: at,
      aheadMs: at - now,
      organizationId,
      windows: [{ key: windowKey, windowMs: 60_000, limit: 10_000, cost: 1 }],
      quota: { organizationId, period, meters: [calls], recorded: { api_calls: 0 }, isFresh: true },
      versions: [],
    })
    const calls = { meter: 'api_calls', amount: 1, limit: 10_000 } as const
    const [windowKey, organizationId] = [crypto.randomUUID(), crypto.randomUUID()]
    const ending = { name: 'ending', start: now - 1_000, end: now + 500 }
    for (let count = 0; count < 10; count++) await isolate.consumeLeased(claim(now, ending))
    const trips = await countTrips(async () => isolate.consumeLeased(claim(now + 499, ending)))
    expect(trips.redis).toBe(0)
    const next = { name: 'next', start: now + 500, end: now + 60_000 }
    expect(await isolate.consumeLeased(claim(now + 500, next))).toMatchObject({ meters: [{ used: 1 }] })
  })

  test('costs at most a tenth of a round trip to Redis per verification, and none to Neon', async () => {
    const { key } = await busyKey()
    const isolate = await newIsolate()
    await times(isolate, key, 20)
    const trips = await countTrips(async () => {
      expect(new Set(await times(isolate, key, 300))).toEqual(new Set(['VALID']))
    })
    expect(trips.redis).toBeLessThanOrEqual(30)
  })

  test('that is verified 200 times a second costs at most a tenth of a round trip each, including returned leases', async () => {
    const { key } = await busyKey()
    const isolate = await newIsolate()
    stopTime()
    await times(isolate, key, 20)
    const trips = await countTrips(async () => {
      for (let count = 0; count < 1_000; count++) {
        await isolate.verify(key)
        vi.advanceTimersByTime(5)
      }
      vi.advanceTimersByTime(2_000)
      vi.useRealTimers()
      await isolate.settled()
    })
    expect(trips.redis).toBeGreaterThan(3) // several leases in these five seconds
    expect(trips.redis).toBeLessThanOrEqual(100)
  })

  test('has the usage of a thousand verifications written in at most ten statements', async () => {
    const { key } = await busyKey()
    const isolate = await newIsolate()
    stopTime()
    const writes = await countUsageWrites(async () => {
      await times(isolate, key, 1_000)
      vi.advanceTimersByTime(2_000)
      vi.useRealTimers()
      await isolate.settled()
    })
    expect(writes).toBeGreaterThan(0)
    expect(writes).toBeLessThanOrEqual(10)
  })

  test('shares one lease among concurrent requests', async () => {
    const { key } = await busyKey()
    const isolate = await newIsolate()
    await times(isolate, key, 20)
    isolate.advance(500)
    const trips = await countTrips(() => Promise.all(Array.from({ length: 100 }, () => isolate.verify(key))))
    expect(trips.redis).toBeLessThanOrEqual(10)
  })

  test('continues while Redis fails, within the limits of the isolate', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key } = await busyKey(40)
    const alone = await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE })
    expect((await times(alone, key, 50)).filter((code) => code === 'VALID')).toHaveLength(40)
    vi.restoreAllMocks()
  })

  test('is refused within two seconds of a change, though its lease has units left', async () => {
    const { key, keyId } = await busyKey()
    const isolate = await newIsolate()
    await times(isolate, key, 30)
    const { sql } = isolate.deps()
    await sql.query('update api_keys set revoked_at = now(), version = version + 1 where id = $1', [keyId])
    await publishVersion(isolate.deps(), keyVersionKey(keyId), 2)
    isolate.advance(1_500)
    expect(await isolate.verify(key)).toMatchObject({ code: 'REVOKED' })
  })

  test('returns nothing to counters that restarted meanwhile', async () => {
    const { key, organizationId } = await busyKey()
    const isolate = await newIsolate()
    await times(isolate, key, 30)
    const other = await newIsolate()
    await isolate.deps().redis.shared.del(quotaKey(organizationId, toMonth(Date.now()).name))
    await other.verify(key)
    const begun = await usedOf(isolate, organizationId)
    await isolate.settled()
    expect(await usedOf(isolate, organizationId)).toBe(begun)
  })

  test('reports exactly the units used, and unspent units return', async () => {
    const { key, organizationId } = await busyKey()
    const isolate = await newIsolate()
    stopTime()
    await times(isolate, key, 49)
    expect(await isolate.verify(key)).toMatchObject({
      code: 'VALID',
      ratelimit: { limit: 1_000_000, remaining: 999_950 },
      quotas: { api_calls: { used: 50, remaining: 999_950 } },
    })
    expect(await usedOf(isolate, organizationId)).toBeGreaterThan(50)
    vi.advanceTimersByTime(2_000)
    vi.useRealTimers()
    await isolate.settled()
    expect(await usedOf(isolate, organizationId)).toBe(50)
  })
})
