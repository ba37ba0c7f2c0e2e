/** Call prices through leases, outages and losses. */
import { afterEach, expect, test, vi } from 'vitest'
import { toMonth } from '../../../src/lib/period.ts'
import { quotaKey } from '../../../src/limits/limit-request.ts'
import { reconcileQuotas } from '../../../src/metering/reconcile-counters.ts'
import { drainUsageSpool } from '../../../src/metering/spool.ts'
import { breakStores } from '../../support/broken-stores.ts'
import { newPricedHolder, readCharges } from '../../support/call-prices.ts'
import { eventually } from '../../support/http.ts'
import { countTrips, type Isolate, newIsolate } from '../../support/isolate.ts'
import { readQuota } from '../../support/quota.ts'

afterEach(() => vi.restoreAllMocks())

const LATER_MS = 3 * 3_600_000

async function priced(amount?: string, price: string | null = '0.01') {
  const holder = await newPricedHolder(price, amount)
  const { key, organizationId } = holder
  const isolate = await newIsolate()
  const {
    redis: { shared: redis },
    sql,
  } = isolate.deps()
  const balance = `credits:${organizationId}`
  return {
    ...holder,
    isolate,
    balance,
    read: async () => {
      const { used, ...others } = (await redis.hgetall<Record<string, number>>(balance)) ?? {}
      return { used, lanes: [others['lane:0'] ?? 0, others['lane:1'] ?? 0] }
    },
    flush: () => redis.del(balance, quotaKey(organizationId, toMonth(Date.now()).name)),
    redis,
    /** How many of this many concurrent verifications are admitted. */
    admit: async (count: number, by: Isolate = isolate) =>
      (await Promise.all(Array.from({ length: count }, () => by.verify(key)))).filter(({ valid }) => valid).length,
    reconcile: async () => {
      await sql.query(`update usage_periods set updated_at = now() + interval '3 hours' where organization_id = $1`, [
        organizationId,
      ])
      await reconcileQuotas(isolate.deps(), Date.now() + LATER_MS)
    },
  }
}

const CENT = 10_000_000

test('a plan without a price uses no additional counter and no additional round trip', async () => {
  const { key, isolate, redis, organizationId } = await priced(undefined, null)
  await isolate.verify(key)
  const trips = await countTrips(() => isolate.verify(key))
  expect(trips).toEqual({ redis: 1, sql: 0 })
  const quota = await readQuota(redis, quotaKey(organizationId, toMonth(Date.now()).name))
  expect(Object.keys(quota ?? {})).not.toContain('lane:0:cost_usd')
})

test('busy isolates consume calls and their price from leases, and never admit more than the balance pays for', async () => {
  const { key, organizationId, isolate, admit, read } = await priced('30.00')
  const isolates = [isolate, await newIsolate(), await newIsolate()]
  let [admitted, trips] = [0, 0]
  for (let round = 0; round < 12; round++) {
    const counted = await countTrips(async () => {
      const parts = await Promise.all(isolates.map((one) => admit(100, one)))
      admitted += parts.reduce((sum, part) => sum + part, 0)
    })
    trips += counted.redis
    expect(admitted).toBeLessThanOrEqual(3_000)
  }
  expect(trips).toBeLessThan(3_000) // some were leased
  for (const one of isolates) await one.settled() // unspent units are returned
  while ((await isolate.verify(key)).valid) admitted += 1
  expect(admitted).toBe(3_000)
  await isolate.settled()
  expect(await readCharges(organizationId)).toEqual({ charged: '30', by_verifications: '30', calls: 3_000 })
  expect(await read()).toMatchObject({ used: 3_000 * CENT })
}, 60_000)

test('a lease at one price does not serve another price', async () => {
  const { key, isolate, changePlan, organizationId } = await priced('1000.00')
  for (let at = 0; at < 30; at++) await isolate.verify(key)
  await changePlan({ price_per_call_usd: '5' })
  await vi.waitFor(async () => expect((await isolate.verify(key, { cost: 2 })).valid).toBe(true))
  isolate.advance(26_000) // until the cached row is old
  const before = await readCharges(organizationId)
  await isolate.verify(key)
  await isolate.settled()
  const after = await readCharges(organizationId)
  expect(Number(after.charged) - Number(before.charged)).toBeGreaterThanOrEqual(5)
})

test('while Redis fails an isolate admits what is left of the balance, and adds it to the counter afterwards', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { admit, isolate, organizationId, read } = await priced('0.30')
  expect(await admit(10)).toBe(10)
  const broken = breakStores(['/redis'])
  expect(await admit(40)).toBe(20)
  broken.mockRestore()
  expect(await admit(10)).toBe(0)
  expect(await read()).toMatchObject({ used: 30 * CENT })
  await isolate.settled()
  expect(await readCharges(organizationId)).toMatchObject({ charged: '0.3', calls: 30 })
})

test('an isolate that never reached Redis begins with what Postgres has', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { admit, isolate, organizationId } = await priced('0.30')
  expect(await admit(10)).toBe(10)
  await isolate.settled()
  const broken = breakStores(['/redis'])
  const alone = await newIsolate()
  expect(await admit(40, alone)).toBe(20)
  broken.mockRestore()
  await alone.settled()
  expect(await admit(5, alone)).toBe(0)
  expect(await readCharges(organizationId)).toMatchObject({ charged: '0.3', calls: 30 })
})

test('a balance that Redis lost starts from what Postgres has', async () => {
  const { admit, isolate, flush, read } = await priced('0.30')
  expect(await admit(20)).toBe(20)
  await isolate.settled()
  await flush()
  expect(await admit(20)).toBe(10)
  expect(await read()).toMatchObject({ used: 30 * CENT })
})

test('calls on their way to Postgres stay counted when credits are granted or charges corrected', async () => {
  const { admit, grant, isolate, redis, balance, organizationId } = await priced('0.30')
  expect(await admit(10)).toBe(10)
  await isolate.settled()
  const { sql } = isolate.deps()
  await redis.hincrby(balance, 'used', 5 * CENT) // five calls that another isolate has admitted
  await redis.hincrby(balance, 'lane:0', 5 * CENT)
  await grant('0.10')
  expect(await admit(1)).toBe(1)
  await sql.query('update usage_periods set charge_usd = charge_usd - 0.02 where organization_id = $1', [
    organizationId,
  ])
  await grant('0.01')
  expect(await admit(60)).toBe(27) // of 41, less 10, 5 and 1, and 2 more
})

test('while Postgres fails charges wait in the spool, and count once afterwards', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { admit, isolate, organizationId, credits } = await priced('0.30')
  expect(await admit(10)).toBe(10)
  await isolate.settled()
  const broken = breakStores(['/sql'])
  expect(await admit(30)).toBe(20)
  await isolate.settled()
  broken.mockRestore()
  await eventually(
    async () => {
      await drainUsageSpool(isolate.deps())
      return readCharges(organizationId)
    },
    ({ calls }) => calls === 30,
  )
  expect(await readCharges(organizationId)).toEqual({ charged: '0.3', by_verifications: '0.3', calls: 30 })
  expect(await credits()).toMatchObject({ balance: '0.000000' })
})

test('units counted twice because a response was lost are free again within minutes', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { key, admit, isolate, organizationId, read, reconcile } = await priced('10.00')
  await admit(1)
  const broken = breakStores(['/redis'], 'lose')
  await isolate.verify(key)
  broken.mockRestore()
  await admit(1)
  await isolate.settled()
  expect((await read()).used).toBeGreaterThan(3 * CENT)
  let calls = 3
  await eventually(
    async () => {
      calls += await admit(1)
      await isolate.settled()
      isolate.advance(91_000)
      await drainUsageSpool(isolate.deps()) // tests that break the database leave something in it
      await reconcile()
      return read()
    },
    ({ used }) => used === calls * CENT,
  )
  expect(await readCharges(organizationId)).toMatchObject({ calls })
})

test('the balance continues across the end of a period, minus what was used before', async () => {
  const { admit, isolate, read } = await priced('0.30')
  expect(await admit(10)).toBe(10)
  isolate.advance(toMonth(Date.now()).end - Date.now() + 1_000)
  expect(await admit(40)).toBe(20)
  expect(await read()).toMatchObject({ used: 30 * CENT })
})
