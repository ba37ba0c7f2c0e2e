import { afterEach, expect, inject, test, vi } from 'vitest'
import { toMonth } from '../../../src/lib/period.ts'
import { type LimitRequest, quotaKey } from '../../../src/limits/limit-request.ts'
import { reconcileQuotas } from '../../../src/metering/reconcile-counters.ts'
import { drainUsageSpool } from '../../../src/metering/spool.ts'
import { call, eventually, newKeyHolder } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { addToQuota, readQuota } from '../../support/quota.ts'

afterEach(() => vi.restoreAllMocks())

const LATER_MS = 3 * 3_600_000

async function counted() {
  const { key, organizationId } = await newKeyHolder()
  const isolate = await newIsolate()
  await isolate.verify(key, { cost: 5 })
  await isolate.settled()
  const counter = quotaKey(organizationId, toMonth(Date.now()).name)
  const {
    redis: { shared: redis },
    sql,
  } = isolate.deps()
  /** So that only it is checked: no other test's row is in the hours that `look` gets. */
  const change = () =>
    sql.query(`update usage_periods set updated_at = now() + interval '3 hours' where organization_id = $1`, [
      organizationId,
    ])
  const look = (deps = isolate.deps()) => reconcileQuotas(deps, Date.now() + LATER_MS)
  return {
    isolate,
    organizationId,
    counter,
    async verify(cost: number) {
      await isolate.verify(key, { cost })
      await isolate.settled()
    },
    lose: (units: number) => addToQuota(redis, counter, 'api_calls', -units),
    /** Like an isolate that dies with a lease, or with unwritten usage. */
    async strand(units: number) {
      for (const field of ['api_calls', 'lane:0']) await addToQuota(redis, counter, field, units)
    },
    mistake: (meter: string, units: number) => addToQuota(redis, counter, meter, units),
    flush: () => redis.del(counter),
    used: async () => (await readQuota(redis, counter)).api_calls,
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

test('calls that nobody wrote return within minutes, even while others are counted, and none of those is lost', async () => {
  const { isolate, verify, strand, used, reconcile } = await counted()
  await strand(40)
  let admitted = 5
  const looked = async () => {
    await verify(1)
    admitted += 1
    isolate.advance(91_000)
    await drainUsageSpool(isolate.deps()) // tests that break the database leave something in it
    await reconcile()
    return used()
  }
  await eventually(looked, (units) => units === admitted) // now and then a test in another process has something in the spool
  expect(admitted - 5).toBeLessThanOrEqual(40)
})

test('but not while anything waits in the spool: it was counted, and is not recorded yet', async () => {
  const { isolate, strand, used, change, look, reconcile } = await counted()
  await strand(40)
  await reconcile()
  isolate.advance(20 * 60_000)
  await change()
  const deps = isolate.deps()
  try {
    await Promise.all([deps.redis.shared.rpush('usage:spool', '[]'), look(deps)]) // one round trip: no drain in between
    expect(await used()).toBe(45)
  } finally {
    await deps.redis.shared.lrem('usage:spool', 1, '[]')
  }
})

test('an error in reported usage is lowered at once', async () => {
  const { mistake, used, counter, isolate, reconcile } = await counted()
  await mistake('api_calls', 30)
  await mistake('tokens', 1_000)
  await reconcile()
  expect(await used()).toBe(5)
  expect((await readQuota(isolate.deps().redis.shared, counter)).tokens).toBe(0)
})

test.each([
  ['a counter that is there', false],
  ['a counter that is lost, and started afterwards', true],
])(
  'calls that an isolate admitted locally, without a generation, stay counted in %s until their writes have had time',
  async (_, isLost) => {
    const { isolate, organizationId, used, verify, flush, reconcile } = await counted()
    const { carryPending, keepForLater } = await isolate.load(() => import('../../../src/limits/outage/carry.ts'))
    const now = isolate.now()
    const quota = { organizationId, period: toMonth(now), meters: [{ meter: 'api_calls', amount: 7, limit: 1_000 }] }
    const claim = { windows: [], now, quota } as unknown as LimitRequest
    if (isLost) await flush()
    keepForLater(claim, undefined) // Postgres does not have them yet: their writes are retried for some time
    await carryPending(isolate.deps(), claim)
    if (isLost) await verify(1)
    const written = isLost ? 6 : 5
    expect(await used()).toBe(written + 7)
    isolate.advance(10_000)
    await reconcile()
    expect(await used()).toBe(written + 7)
    isolate.advance(81_000) // nobody has written them by now
    const lowered = async () => {
      await drainUsageSpool(isolate.deps())
      await reconcile()
      return used()
    }
    await eventually(lowered, (units) => units === written)
  },
)

test('a counter that Redis lost is left for the next request to start', async () => {
  const { flush, used, reconcile } = await counted()
  await flush()
  await reconcile()
  expect(await used()).toBeUndefined()
})

test('leased units return even if usage is reported, reserved and settled meanwhile, and each counts once', async () => {
  const { key, organizationId: organization_id, keyId: key_id } = await newKeyHolder()
  const isolate = await newIsolate()
  const {
    redis: { shared: redis },
  } = isolate.deps()
  const token = inject('credentials').service_key
  const report = () =>
    call('POST /api/v1/usage', { token, body: { events: [{ key_id, api_calls: 3, input_tokens: 7 }] } })
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < 8; at++) expect((await isolate.verify(key)).valid).toBe(true)
    const reserved = await isolate.reserve({ organization_id, tokens: 50 })
    await Promise.all([report(), report()])
    const { reservation_id } = reserved as { reservation_id: string }
    await isolate.settle({ reservation_id, input_tokens: 40 })
  }
  await isolate.settled()
  const counted = await readQuota(redis, quotaKey(organization_id, toMonth(Date.now()).name))
  expect(counted).toMatchObject({ api_calls: 24 + 18, 'lane:0': 24, tokens: 3 * (14 + 40), 'held:tokens': 0 })
})
