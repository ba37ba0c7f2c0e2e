/** Custom counters through outages and losses, as the built-in counter of calls. */
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import { toMonth } from '../../../src/lib/period.ts'
import { holdsKey, quotaKey } from '../../../src/limits/limit-request.ts'
import { reconcileQuotas } from '../../../src/metering/reconcile-counters.ts'
import { drainUsageSpool } from '../../../src/metering/spool.ts'
import { breakStores } from '../../support/broken-stores.ts'
import { defineMeters } from '../../support/custom-meters.ts'
import { eventually, newKeyHolder, setLimits } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { addToQuota, readQuota } from '../../support/quota.ts'

beforeAll(defineMeters)
afterEach(() => vi.restoreAllMocks())

const LATER_MS = 3 * 3_600_000

async function counted(limit: number) {
  const { key, keyId, organizationId } = await newKeyHolder()
  const limits = { rate_limit_per_minute: 100_000, api_calls: 100_000, meters: { images: limit } }
  await setLimits(organizationId, limits)
  const isolate = await newIsolate()
  const { name } = toMonth(Date.now())
  const counter = quotaKey(organizationId, name)
  const {
    redis: { shared: redis },
    sql,
  } = isolate.deps()
  const take = async (images: number) => (await isolate.verify(key, { quantities: { images } })).code
  return {
    isolate,
    key,
    keyId,
    organizationId,
    counter,
    take,
    /** How many of this many concurrent verifications, of three images each, are admitted. */
    admit: async (count: number) =>
      (await Promise.all(Array.from({ length: count }, () => take(3)))).filter((code) => code === 'VALID').length,
    strand: async (units: number) => {
      for (const field of ['m:images', 'lane:0:m:images']) await addToQuota(redis, counter, field, units)
    },
    flush: () => redis.del(counter, holdsKey(organizationId, name)),
    used: async () => (await readQuota(redis, counter))['m:images'],
    recorded: async () => {
      const [row] = await sql.query(
        `select amount::float8 as amount, (even_amount + odd_amount)::float8 as verified from usage_meter_periods
         where organization_id = $1 and meter = 'images'`,
        [organizationId],
      )
      return row
    },
    reconcile: async () => {
      await sql.query(`update usage_periods set updated_at = now() + interval '3 hours' where organization_id = $1`, [
        organizationId,
      ])
      await reconcileQuotas(isolate.deps(), Date.now() + LATER_MS)
    },
  }
}

test('while Redis fails an isolate admits what was left of the quota, and adds it to the counter afterwards', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { admit, isolate, used, recorded } = await counted(100)
  expect(await admit(10)).toBe(10)
  const broken = breakStores(['/redis'])
  expect(await admit(40)).toBe(23)
  broken.mockRestore()
  expect(await admit(10)).toBe(0)
  expect(await used()).toBe(99)
  await isolate.settled()
  expect(await recorded()).toEqual({ amount: 99, verified: 99 })
})

test('while Postgres fails events wait in the spool, and count once afterwards', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { take, isolate, keyId, recorded, used } = await counted(100)
  await take(1)
  await isolate.settled()
  const { ingestUsage } = await isolate.load(() => import('../../../src/usage/reporting/ingest.ts'))
  const report = (id: string) =>
    ingestUsage(
      isolate.deps(),
      { events: [{ id, key_id: keyId, quantities: { images: 5 } }] },
      { organizationId: null },
    )
  await report('known')
  const broken = breakStores(['/sql'])
  await take(3)
  await isolate.settled()
  expect(await report('waits')).toMatchObject({ accepted: 1, spooled: true })
  broken.mockRestore()
  await eventually(
    async () => {
      await drainUsageSpool(isolate.deps())
      return recorded()
    },
    (row) => row?.amount === 14,
  )
  expect(await recorded()).toEqual({ amount: 14, verified: 4 })
  expect(await report('waits')).toMatchObject({ accepted: 0, duplicates: 1 })
  expect(await used()).toBe(14)
})

test('a counter that Redis lost starts from what Postgres has', async () => {
  const { admit, isolate, flush, used } = await counted(100)
  expect(await admit(20)).toBe(20)
  await isolate.settled()
  await flush()
  isolate.advance(26_000) // the cached row is old
  expect(await admit(20)).toBe(13)
  expect(await used()).toBe(99)
})

test('reconciliation raises a counter that is behind, and removes units that nobody wrote', async () => {
  const { take, isolate, strand, used, reconcile, recorded } = await counted(1_000)
  await take(5)
  await isolate.settled()
  await strand(-3)
  await reconcile()
  expect(await used()).toBe(5)
  await strand(40)
  let taken = 5
  const looked = async () => {
    await take(1)
    await isolate.settled()
    taken += 1
    isolate.advance(91_000)
    await drainUsageSpool(isolate.deps()) // tests that break the database leave something in it
    await reconcile()
    return used()
  }
  await eventually(looked, (units) => units === taken)
  expect(await recorded()).toEqual({ amount: taken, verified: taken })
})

test('two concurrent isolates admit no more than the limit', async () => {
  const { admit, key, used } = await counted(100)
  const other = await newIsolate()
  const admitThere = Array.from({ length: 30 }, () => other.verify(key, { quantities: { images: 3 } }))
  const [here, there] = await Promise.all([admit(30), Promise.all(admitThere)])
  expect(here + there.filter(({ valid }) => valid).length).toBe(33)
  expect(await used()).toBe(99)
})
