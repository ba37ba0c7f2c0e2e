import { afterEach, expect, test, vi } from 'vitest'
import { monthOf } from '../../src/lib/period.ts'
import { quotaKey } from '../../src/limits/claim.ts'
import { reconcileQuotas } from '../../src/limits/reconcile.ts'
import { drainUsageSpool, spoolUsage } from '../../src/usage/spool.ts'
import { newKeyHolder } from '../support/http.ts'
import { newIsolate } from '../support/isolate.ts'
import { failFor } from '../support/mail.ts'

afterEach(() => vi.restoreAllMocks())

async function counted() {
  const { key, organizationId } = await newKeyHolder()
  const isolate = await newIsolate()
  await isolate.verify(key, { cost: 5 })
  await isolate.settled()
  const counter = quotaKey(organizationId, monthOf(Date.now()).name)
  const { redis } = isolate.deps()
  return {
    isolate,
    organizationId,
    counter,
    lose: (units: number) => redis.hincrby(counter, 'api_calls', -units),
    strand: (units: number) => redis.hincrby(counter, 'api_calls', units),
    flush: () => redis.del(counter),
    used: () => redis.hget(counter, 'api_calls'),
    reconcile: () => reconcileQuotas(isolate.deps(), Date.now()),
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
  await reconcile()
  expect(await used()).toBe(5)
})

test('but not while something waits in the spool: it was counted, and is not recorded yet', async () => {
  const { isolate, strand, used, reconcile } = await counted()
  await strand(40)
  isolate.advance(20 * 60_000)
  const { redis } = isolate.deps()
  await redis.rpush('usage:spool', '[]')
  try {
    await reconcile()
    expect(await used()).toBe(45)
  } finally {
    await redis.lrem('usage:spool', 1, '[]')
  }
})

test('nor where it leaves the spool while the two are read, though raising the counter for it failed', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { isolate, organizationId: organization_id, counter, strand, used, reconcile } = await counted()
  await strand(7) // as the verification did whose event follows
  isolate.advance(20 * 60_000)
  const occurred_at = new Date().toISOString()
  const event = { id: crypto.randomUUID(), source: 'verification', occurred_at, organization_id, api_calls: 7 }
  await spoolUsage(isolate.deps(), [event])
  await failFor(counter, { door: 'redis', kind: 'status', value: 500, count: 1 })
  const { fetch } = globalThis
  vi.spyOn(globalThis, 'fetch').mockImplementationOnce(async (...request) => {
    const first = await fetch(...request)
    await drainUsageSpool(isolate.deps())
    return first
  })
  await reconcile()
  expect(await used()).toBe(12)
})

test('a counter that Redis has lost is left to be started by whoever needs it', async () => {
  const { flush, used, reconcile } = await counted()
  await flush()
  await reconcile()
  expect(await used()).toBeNull()
})
