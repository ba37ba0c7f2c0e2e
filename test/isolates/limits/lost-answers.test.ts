/** Reported usage that Postgres stored without a response counts once in its key's limits, however it is repeated. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { breakStatement, breakStores } from '../../support/broken-stores.ts'
import { flushKey } from '../../support/flush.ts'
import { newKeyHolder, setLimits } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { keepOwnSpool } from '../../support/own-spool.ts'
import { loseAnswers } from '../../support/store-faults.ts'

keepOwnSpool()
afterEach(() => vi.restoreAllMocks())

const LIMITS = [
  { name: 'day', meter: 'tokens', limit: 1_000, period: 'day' },
  { name: 'hour', meter: 'tokens', limit: 1_000, window_seconds: 3_600 },
]
const WRITE = 'select * from record_usage'

async function begin() {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { key, keyId: key_id, organizationId } = await newKeyHolder({ limits: LIMITS })
  await setLimits(organizationId, { rate_limit_per_minute: 1_000 })
  const [isolate, other] = [await newIsolate(), await newIsolate()]
  const { drainUsageSpool } = await other.load(() => import('../../../src/metering/spool.ts'))
  const { ingestUsage } = await isolate.load(() => import('../../../src/usage/reporting/ingest.ts'))
  const eventOf = (input_tokens: number) => ({ id: crypto.randomUUID(), key_id, input_tokens })
  await other.verify(key, { cost: 0 }) // now Redis has the counters
  await isolate.report([eventOf(10)])

  return {
    key_id,
    organizationId,
    isolate,
    other,
    eventOf,
    flush: () => flushKey(isolate.deps(), organizationId, key_id),
    drain: () => drainUsageSpool(other.deps()),
    sync: (events: readonly object[]) =>
      ingestUsage(isolate.deps(), { events, durability: 'sync' }, { organizationId: null }),
    /** What is left of each limit. */
    async look() {
      const { limits = {} } = await other.verify(key, { cost: 0 })
      return [limits['day']?.remaining, limits['hour']?.remaining]
    },
  }
}

describe('usage whose answer of Postgres was lost', () => {
  test('counts in the limits of its key when it is drained, and once however often', async () => {
    const { isolate, eventOf, drain, look } = await begin()
    expect(await look()).toEqual([990, 990])
    const event = eventOf(500)
    const broken = loseAnswers(WRITE)
    expect(await isolate.report([event])).toMatchObject({ spooled: true })
    broken.mockRestore()
    await drain()
    expect(await look()).toEqual([490, 490])
    expect(await isolate.report([event])).toMatchObject({ duplicates: 1 })
    expect(await look()).toEqual([490, 490])
  })

  test('counts when it is sent again, each event of the batch once, alone or together', async () => {
    const { isolate, other, sync, eventOf, look } = await begin()
    const [first, second, third] = [eventOf(300), eventOf(150), eventOf(50)]
    const broken = loseAnswers(WRITE)
    await expect(sync([first, second, third])).rejects.toMatchObject({ code: 'unavailable' })
    broken.mockRestore()
    expect(await sync([first])).toMatchObject({ duplicates: 1 })
    expect(await look()).toEqual([690, 690])
    const both = [first, second, third, third]
    expect(await Promise.all([isolate.report(both), other.report(both)])).toMatchObject([
      { duplicates: 4 },
      { duplicates: 4 },
    ])
    expect(await look()).toEqual([490, 490])
  })

  test('counts once if its seed already includes it', async () => {
    const { sync, eventOf, flush, look } = await begin()
    const event = eventOf(500)
    const broken = loseAnswers(WRITE)
    await expect(sync([event])).rejects.toMatchObject({ code: 'unavailable' })
    broken.mockRestore()
    await flush()
    expect(await look()).toEqual([490, 1_000])
    expect(await sync([event])).toMatchObject({ duplicates: 1 })
    expect(await look()).toEqual([490, 500]) // the window has restarted
  })

  test('counts with its settlement, even if the hold has expired before it is sent again', async () => {
    const { key_id, isolate, other, look } = await begin()
    const reserved = await isolate.reserve({ key_id, input_tokens: 600, expires_in_seconds: 60 })
    const used = { reservation_id: 'reservation_id' in reserved ? reserved.reservation_id : '', input_tokens: 500 }
    const broken = loseAnswers(WRITE)
    expect(await isolate.settle(used)).toMatchObject({ outcome: 'spooled' })
    broken.mockRestore()
    for (const one of [isolate, other]) one.advance(61_000)
    for (let at = 0; at < 2; at++) {
      expect(await isolate.settle(used)).toMatchObject({ outcome: 'duplicate' })
      expect(await look()).toEqual([490, 490])
    }
  })
})

test('a repeat between the write and its counting does not count again', async () => {
  const { isolate, other, eventOf, look } = await begin()
  const [event, also] = [eventOf(300), eventOf(200)]
  const broken = breakStores(['/redis'])
  expect(await isolate.report([event, also])).toMatchObject({ accepted: 2 })
  broken.mockRestore()
  expect(await other.report([event])).toMatchObject({ duplicates: 1 })
  await isolate.settled()
  expect(await look()).toEqual([490, 490])
})

test('a repeat does not count if the first response arrived, even much later', async () => {
  const { isolate, organizationId, eventOf, look } = await begin()
  const event = eventOf(500)
  expect(await isolate.report([event])).toMatchObject({ accepted: 1 })
  expect(await isolate.report([event, event])).toMatchObject({ duplicates: 2 })
  expect(await look()).toEqual([490, 490])
  const { sql, redis } = isolate.deps()
  await sql.query(`update usage_events set ingested_at = now() - interval '56 minutes' where id = $1`, [event.id])
  const claims = await sql.query('select xmin from usage_dedupe where organization_id = $1', [organizationId])
  const markers = claims.map(({ xmin }) => `counted:transaction:${xmin}`)
  expect(await redis.of(organizationId).del(...markers)).toBe(2) // as if they had expired
  expect(await isolate.report([event])).toMatchObject({ duplicates: 1 })
  expect(await look()).toEqual([490, 490])
})

test('usage counts if the limits of its key could not be read when it was reported', async () => {
  const { isolate, eventOf, drain, look } = await begin()
  isolate.advance(3_000) // the cached rows are too old
  breakStatement('as named(organization_id, id')
  expect(await isolate.report([eventOf(500)])).toMatchObject({ accepted: 1, spooled: true })
  vi.restoreAllMocks()
  await drain()
  expect(await look()).toEqual([490, 490])
})
