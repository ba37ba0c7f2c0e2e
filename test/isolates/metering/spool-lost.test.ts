import { afterEach, expect, test, vi } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { breakStores } from '../../support/broken-stores.ts'
import { eventually } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

const newEvent = (organization_id: string) => ({
  id: uuidv7(Date.now()),
  organization_id,
  occurred_at: new Date().toISOString(),
  api_calls: 1,
})

/** An isolate that has spooled three events of an organization while Postgres was away. */
async function spooled() {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const isolate = await newIsolate()
  const { drainUsageSpool, trySpool } = await isolate.load(() => import('../../../src/metering/spool.ts'))
  const organizationId = uuidv7(Date.now())
  const network = breakStores(['/sql'])
  const isSpooled = await trySpool(
    isolate.deps(),
    Array.from({ length: 3 }, () => newEvent(organizationId)),
  )
  expect(isSpooled).toBe(true)
  network.mockRestore()
  const {
    redis: { shared: redis },
    sql,
  } = isolate.deps()
  /** Removes this test's entries from the spool, like a Redis that lost them. */
  async function lose(): Promise<number> {
    const values = await redis.lrange<{ id: string; events: { organization_id: string }[] }>('usage:spool', 0, -1)
    const mine = values.filter(({ events }) => events?.some((one) => one.organization_id === organizationId))
    let removed = 0
    for (const value of mine) removed += await redis.lrem('usage:spool', 1, JSON.stringify(value))
    return removed
  }
  const receipts = () =>
    sql.query('select events, drained_at from usage_spool_receipts where organizations @> $1', [
      JSON.stringify([organizationId]),
    ])
  const logged = () =>
    errors.mock.calls
      .map(([line]) => JSON.parse(String(line)) as Record<string, unknown>)
      .filter(
        ({ event, organization_ids: ids }) => event === 'usage_spool_lost' && String(ids).includes(organizationId),
      )
  return { isolate, organizationId, lose, receipts, logged, drain: () => drainUsageSpool(isolate.deps()) }
}

test('usage that Redis lost before it was drained is logged, once', async () => {
  const { lose, receipts, logged, drain } = await spooled()
  expect(await lose()).toBe(1)
  await eventually(
    async () => {
      await drain()
      return receipts()
    },
    ({ length }) => length === 0,
  )
  await drain()
  expect(logged()).toEqual([
    expect.objectContaining({ level: 'error', events: expect.any(Number), organizations: expect.any(Number) }),
  ])
  expect(Number(logged()[0]?.events)).toBeGreaterThanOrEqual(3)
})

test('drained usage is not reported as lost, even if its receipt comes later', async () => {
  const { isolate, receipts, logged, drain } = await spooled()
  const other = await newIsolate() // it drains what this one spooled
  const { drainUsageSpool } = await other.load(() => import('../../../src/metering/spool.ts'))
  const {
    redis: { shared: redis },
  } = isolate.deps()
  await eventually(
    async () => {
      await drainUsageSpool(other.deps())
      return redis.llen('usage:spool')
    },
    (left) => left === 0,
  )
  expect(await receipts()).toEqual([])
  await drain()
  await drain()
  expect(await receipts()).toEqual([{ events: 3, drained_at: expect.anything() }])
  expect(logged()).toEqual([])
})

test('an isolate delivers its receipts with the first usage that Postgres accepts again', async () => {
  const { isolate, organizationId, receipts } = await spooled()
  isolate.record(newEvent(organizationId))
  await isolate.settled()
  expect(await eventually(receipts, ({ length }) => length === 1)).toMatchObject([{ events: 3 }])
})
