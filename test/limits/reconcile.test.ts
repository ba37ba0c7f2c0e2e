import { afterEach, expect, test, vi } from 'vitest'
import { monthOf } from '../../src/lib/period.ts'
import { quotaKey } from '../../src/limits/claim.ts'
import { reconcileQuotas } from '../../src/limits/reconcile.ts'
import { drainUsageSpool, spoolUsage } from '../../src/usage/spool.ts'
import { eventually, newKeyHolder } from '../support/http.ts'
import { newIsolate } from '../support/isolate.ts'
import { failFor } from '../support/mail.ts'

afterEach(() => vi.restoreAllMocks())

const LATER_MS = 3 * 3_600_000

async function counted() {
  const { key, organizationId } = await newKeyHolder()
  const isolate = await newIsolate()
  await isolate.verify(key, { cost: 5 })
  await isolate.settled()
  const counter = quotaKey(organizationId, monthOf(Date.now()).name)
  const { redis, sql } = isolate.deps()
  /** To be the only one that is looked at: of the hours that `look` is told of, no other test's row is. */
  const change = () =>
    sql.query(`update usage_periods set updated_at = now() + interval '3 hours' where organization_id = $1`, [
      organizationId,
    ])
  const look = (deps = isolate.deps()) => reconcileQuotas(deps, Date.now() + LATER_MS)
  return {
    isolate,
    organizationId,
    counter,
    lose: (units: number) => redis.hincrby(counter, 'api_calls', -units),
    strand: (units: number) => redis.hincrby(counter, 'api_calls', units),
    flush: () => redis.del(counter),
    used: () => redis.hget(counter, 'api_calls'),
    change,
    look,
    reconcile: async () => {
      await change()
      await look()
    },
  }
}

test('a counter below what was recorded is raised, and twice is the same as once', async () => {
  const { lose, used, reconcile } = await counted()
  await lose(3)
  await reconcile()
  expect(await used()).toBe(5)
  await reconcile()
  expect(await used()).toBe(5)
})

test('units of lost leases come back once nothing was taken for a quarter of an hour, not before', async () => {
  const { isolate, strand, used, reconcile } = await counted()
  await strand(40)
  isolate.advance(14 * 60_000)
  await reconcile()
  expect(await used()).toBe(45)
  isolate.advance(60_000)
  const looked = async () => {
    await reconcile()
    return used()
  }
  await eventually(looked, (units) => units === 5) // now and then a test in another process has something in the spool
})

test('but not while something waits in the spool: it was counted, and is not recorded yet', async () => {
  const { isolate, strand, used, change, look } = await counted()
  await strand(40)
  isolate.advance(20 * 60_000)
  await change()
  const deps = isolate.deps()
  try {
    await Promise.all([deps.redis.rpush('usage:spool', '[]'), look(deps)]) // one round trip: no drain in between
    expect(await used()).toBe(45)
  } finally {
    await deps.redis.lrem('usage:spool', 1, '[]')
  }
})

test('nor where it leaves the spool while the two are read, though raising the counter for it failed', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { isolate, organizationId: organization_id, counter, strand, used, change, look } = await counted()
  await strand(7) // as the verification did whose event follows
  isolate.advance(20 * 60_000)
  const occurred_at = new Date().toISOString()
  const event = { id: crypto.randomUUID(), source: 'verification', occurred_at, organization_id, api_calls: 7 }
  await failFor(counter, { door: 'redis', kind: 'status', value: 500, count: 1 })
  await change()
  await spoolUsage(isolate.deps(), [event])
  const { fetch } = globalThis
  vi.spyOn(globalThis, 'fetch').mockImplementationOnce(async (...request) => {
    const first = await fetch(...request)
    await drainUsageSpool(isolate.deps())
    await change()
    return first
  })
  await look()
  expect(await used()).toBe(12)
})

test('a counter that Redis has lost is left to be started by whoever needs it', async () => {
  const { flush, used, reconcile } = await counted()
  await flush()
  await reconcile()
  expect(await used()).toBeNull()
})
