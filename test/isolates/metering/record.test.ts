import { afterEach, describe, expect, test, vi } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import type { UsageEvent } from '../../../src/metering/event.ts'
import { breakStores } from '../../support/broken-stores.ts'
import { eventually } from '../../support/http.ts'
import { countUsageWrites, newIsolate, USAGE_WRITE } from '../../support/isolate.ts'

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

type Isolate = Awaited<ReturnType<typeof newIsolate>>

function event(organization_id: string, changes: Partial<UsageEvent> = {}): UsageEvent {
  return { id: crypto.randomUUID(), organization_id, occurred_at: new Date().toISOString(), api_calls: 1, ...changes }
}

async function recorded(isolate: Isolate, organizationId: string): Promise<number> {
  const [row] = await isolate
    .deps()
    .sql.query('select coalesce(sum(api_calls), 0)::int as used from usage_hourly where organization_id = $1', [
      organizationId,
    ])
  return row?.used
}

describe('recording', () => {
  test('1,000 events take two statements', async () => {
    const isolate = await newIsolate()
    const id = uuidv7(Date.now())
    const writes = await countUsageWrites(async () => {
      for (let count = 0; count < 1_000; count++) isolate.record(event(id))
      await isolate.settled()
    })
    expect(writes).toBe(2)
    expect(await recorded(isolate, id)).toBe(1_000)
  })

  test('a full batch is written at once, whoever fills it, and later events in their own time', async () => {
    const isolate = await newIsolate()
    const id = uuidv7(Date.now())
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }) // no batch is due until time is advanced
    for (let count = 0; count < 1_200; count++) isolate.record(event(id))
    for (let looks = 0; looks < 1_000 && (await recorded(isolate, id)) < 1_000; looks++);
    expect(await recorded(isolate, id)).toBe(1_000)
    vi.advanceTimersByTime(100)
    vi.useRealTimers()
    await isolate.settled()
    expect(await recorded(isolate, id)).toBe(1_200)
  })

  test('equal refusals at one moment become one row that counts them all', async () => {
    const isolate = await newIsolate()
    const [id, key_id] = [uuidv7(Date.now()), uuidv7(Date.now())]
    for (let count = 0; count < 50; count++)
      isolate.record(event(id, { key_id, api_calls: 0, status_code: 429, error_code: 'RATE_LIMITED' }))
    isolate.record(event(id, { key_id, api_calls: 0, status_code: 403, error_code: 'FORBIDDEN_IP' }))
    await isolate.settled()
    const rows = await isolate
      .deps()
      .sql.query('select error_code, requests from usage_events where organization_id = $1 order by requests', [id])
    expect(rows).toEqual([
      { error_code: 'FORBIDDEN_IP', requests: 1 },
      { error_code: 'RATE_LIMITED', requests: 50 },
    ])
  })
})

/** The stored refusals, sorted by endpoint. */
async function refusals(isolate: Isolate, organizationId: string) {
  return isolate
    .deps()
    .sql.query(
      'select subject, endpoint, requests, ip from usage_events where organization_id = $1 order by endpoint collate "C", subject',
      [organizationId],
    )
}

describe('refusals at one moment', () => {
  const REFUSED = { api_calls: 0, status_code: 429, error_code: 'RATE_LIMITED', method: 'GET', ip: '203.0.113.1' }

  test('of different subjects or endpoints are not merged', async () => {
    const isolate = await newIsolate()
    const [id, key_id] = [uuidv7(Date.now()), uuidv7(Date.now())]
    for (const subject of ['ann', 'bob', 'ann', null])
      for (const endpoint of ['/a', '/b']) isolate.record(event(id, { ...REFUSED, key_id, subject, endpoint }))
    await isolate.settled()
    const of = (subject: string | null, endpoint: string, requests: number) => ({
      subject,
      endpoint,
      requests,
      ip: REFUSED.ip,
    })
    expect(await refusals(isolate, id)).toEqual([
      of('ann', '/a', 2),
      of('bob', '/a', 1),
      of(null, '/a', 1),
      of('ann', '/b', 2),
      of('bob', '/b', 1),
      of(null, '/b', 1),
    ])
  })

  test('beyond the first 20 different ones are merged into one without subject, endpoint and address', async () => {
    const isolate = await newIsolate()
    const [id, key_id] = [uuidv7(Date.now()), uuidv7(Date.now())]
    const endpointOf = (at: number) => `/${String(at).padStart(2, '0')}`
    for (let at = 0; at < 50; at++)
      isolate.record(event(id, { ...REFUSED, key_id, subject: `s${at % 25}`, endpoint: endpointOf(at % 25) }))
    isolate.record(event(id, { ...REFUSED, key_id: uuidv7(Date.now()), endpoint: '/other-key' }))
    await isolate.settled()
    const rows = await refusals(isolate, id)
    expect(rows).toEqual([
      { subject: null, endpoint: '', requests: 10, ip: null },
      ...Array.from({ length: 20 }, (_, at) => ({
        subject: `s${at}`,
        endpoint: endpointOf(at),
        requests: 2,
        ip: REFUSED.ip,
      })),
      { subject: null, endpoint: '/other-key', requests: 1, ip: REFUSED.ip },
    ])
  })
})

describe('one batch for many organizations', () => {
  test('keeps equal ids of two of them at the same moment apart', async () => {
    const isolate = await newIsolate()
    const [one, other] = [uuidv7(Date.now()), uuidv7(Date.now())]
    isolate.record(event(one, { id: 'r1', api_calls: 2 }))
    isolate.record(event(other, { id: 'r1', api_calls: 3 }))
    isolate.record(event(one, { id: 'r1', api_calls: 2 }))
    await isolate.settled()
    expect([await recorded(isolate, one), await recorded(isolate, other)]).toEqual([2, 3])
  })

  test('loses only the one event that Postgres refuses permanently', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const lost = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const isolate = await newIsolate()
    const { drainUsageSpool } = await isolate.load(() => import('../../../src/metering/spool.ts'))
    const id = uuidv7(Date.now())
    for (let count = 0; count < 20; count++) isolate.record(event(id))
    const entries = await eventually(
      async () => {
        isolate.record(event(id, { endpoint: randomText(6_000), api_calls: 100 }))
        await isolate.settled()
        await drainUsageSpool(isolate.deps()) // or a test in another process does, and has the log entry
        return lost.mock.calls
          .map(([line]) => JSON.parse(String(line)))
          .filter(({ events }) => events?.[0].organization_id === id)
      },
      ({ length }) => length > 0,
    )
    expect(await recorded(isolate, id)).toBe(20)
    expect(entries).toMatchObject([{ event: 'usage_lost', count: 1, events: [{ api_calls: 100 }] }])
  })
})

/** Text that does not compress: longer than an index row of Postgres may be. */
const randomText = (length: number) => Array.from({ length }, () => Math.random().toString(36)[2] ?? 'x').join('')

describe('when the database fails', () => {
  test('events go to the spool, and the job writes each to the database once', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const isolate = await newIsolate()
    const { drainUsageSpool } = await isolate.load(() => import('../../../src/metering/spool.ts'))
    const id = uuidv7(Date.now())
    const network = breakStores(['/sql'])
    for (let count = 0; count < 5; count++) isolate.record(event(id, { metadata: { 2: 'b', 1: 'a', note: 'ü"\\' } }))
    await isolate.settled()
    const spooled = network.mock.calls
      .map((call) => JSON.stringify(call))
      .filter((call) => call.includes('usage:spool'))
    expect(spooled.join().split(id)).toHaveLength(5 + 1)
    vi.restoreAllMocks()
    const units = await eventually(
      async () => {
        await Promise.all([drainUsageSpool(isolate.deps()), drainUsageSpool(isolate.deps())])
        return recorded(isolate, id)
      },
      (count) => count >= 5,
    )
    expect(units).toBe(5)
  })

  test('small batches leave the spool together, at most 500 events in a statement', async () => {
    const isolate = await newIsolate()
    const { drainUsageSpool, trySpool } = await isolate.load(() => import('../../../src/metering/spool.ts'))
    const [id, deps] = [uuidv7(Date.now()), isolate.deps()]
    const batches = [...Array.from({ length: 30 }, () => [event(id)]), Array.from({ length: 490 }, () => event(id))]
    const spooled = await Promise.all(batches.map((batch) => trySpool(deps, batch))) // one round trip: nothing comes in between
    expect(spooled).not.toContain(false)
    const network = vi.spyOn(globalThis, 'fetch')
    await drainUsageSpool(isolate.deps())
    const statements = network.mock.calls
      .map((call) => JSON.stringify(call))
      .filter((call) => call.includes('/sql"') && call.includes(USAGE_WRITE))
    const sizes = statements.map((call) => call.split(id).length - 1).filter((size) => size > 0)
    expect(sizes.length).toBeLessThanOrEqual(3) // two, or fewer or more where a test in another process drains, too
    expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(500)
    expect(
      await eventually(
        () => recorded(isolate, id),
        (count) => count >= 520,
      ),
    ).toBe(520)
  })

  test('a response that was lost after the commit causes no second count', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const isolate = await newIsolate()
    const { drainUsageSpool } = await isolate.load(() => import('../../../src/metering/spool.ts'))
    const id = uuidv7(Date.now())
    breakStores(['/sql'], 'lose')
    isolate.record(event(id, { api_calls: 3 }))
    await isolate.settled()
    vi.restoreAllMocks()
    const units = await eventually(
      async () => {
        await drainUsageSpool(isolate.deps())
        return recorded(isolate, id)
      },
      (count) => count >= 3,
    )
    expect(units).toBe(3)
  })

  test('and Redis fails too, the write is retried until one of them is back', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const isolate = await newIsolate()
    const id = uuidv7(Date.now())
    const network = breakStores(['/sql', '/redis'])
    isolate.record(event(id, { api_calls: 4 }))
    await vi.waitFor(() => expect(network.mock.calls.length).toBeGreaterThanOrEqual(2), { timeout: 10_000 })
    vi.restoreAllMocks()
    await isolate.settled()
    expect(await recorded(isolate, id)).toBe(4)
  })

  test('and Redis fails for longer than the platform waits, the events are in the log, complete', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const lost = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const isolate = await newIsolate()
    const id = uuidv7(Date.now())
    const network = breakStores(['/sql', '/redis'])
    isolate.record(event(id, { api_calls: 6, endpoint: '/v1/answers' }))
    await vi.waitFor(() => expect(network.mock.calls.length).toBeGreaterThanOrEqual(2), { timeout: 10_000 })
    isolate.advance(26_000)
    await isolate.settled()
    const [entry] = lost.mock.calls.map(([line]) => JSON.parse(String(line)))
    expect(entry).toMatchObject({
      event: 'usage_lost',
      count: 1,
      events: [{ api_calls: 6, endpoint: '/v1/answers', organization_id: id }],
    })
  })
})
