import { afterEach, describe, expect, inject, test, vi } from 'vitest'
import { uuidv7 } from '../../../../src/lib/uuid.ts'
import { drainUsageSpool } from '../../../../src/metering/spool.ts'
import { ingestUsage } from '../../../../src/usage/reporting/ingest.ts'
import { breakStores } from '../../../support/broken-stores.ts'
import { directly } from '../../../support/direct.ts'
import { call, eventually, newKeyHolder } from '../../../support/http.ts'

afterEach(() => vi.restoreAllMocks())

const ANY = { organizationId: null }
const { service_key } = inject('credentials')

const eventOf = (key_id: string) => ({ id: crypto.randomUUID(), key_id, queries: 3 })
const ingest = (events: readonly unknown[], more = {}) => ingestUsage(directly(), { events, ...more }, ANY)
const quietly = () => vi.spyOn(console, 'warn').mockImplementation(() => undefined)

async function counted(organizationId: string): Promise<number> {
  const [row] = await directly().sql.query(
    'select coalesce(sum(queries), 0)::int as queries from usage_periods where organization_id = $1',
    [organizationId],
  )
  return row?.queries
}

/** The same once the spool is drained, by whichever drain. */
const countedAfterDrain = (organizationId: string, atLeast: number) =>
  eventually(
    async () => {
      await Promise.all([drainUsageSpool(directly()), drainUsageSpool(directly())])
      return counted(organizationId)
    },
    (queries) => queries >= atLeast,
  )

describe('POST /api/v1/usage, while the database fails', () => {
  test('reported usage is spooled, reported as such, and counted once when it is back, whoever drains', async () => {
    quietly()
    const { keyId, organizationId } = await newKeyHolder()
    const events = Array.from({ length: 501 }, () => eventOf(keyId))
    await ingest(events.slice(0, 1))
    breakStores(['/sql'])
    expect(await ingest([...events, { queries: -1 }])).toMatchObject({
      accepted: 501,
      rejected: [{ index: 501, code: 'invalid_event' }],
      spooled: true,
    })
    vi.restoreAllMocks()
    expect(await countedAfterDrain(organizationId, 501 * 3)).toBe(501 * 3)
    expect(await ingest(events.slice(0, 10))).toMatchObject({ accepted: 0, duplicates: 10, conflicts: [] })
  })

  test('attribution may wait; usage that belongs to nobody is logged in full', async () => {
    quietly()
    const lost = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { keyId, organizationId } = await newKeyHolder({ environment: 'test' })
    const stray = eventOf(uuidv7(Date.now()))
    const network = breakStores(['/sql'])
    expect(await ingest([eventOf(keyId)])).toMatchObject({ accepted: 1, spooled: true })
    network.mockRestore()
    const entries = await eventually(
      async () => {
        const outage = breakStores(['/sql'])
        await ingest([stray])
        outage.mockRestore()
        await drainUsageSpool(directly()) // or a test in another process drains it, and has the log entry
        return lost.mock.calls
          .map(([line]) => JSON.parse(String(line)))
          .filter(({ events }) => events?.[0].id === stray.id)
      },
      ({ length }) => length > 0,
    )
    expect(entries[0]).toMatchObject({ event: 'usage_lost', reason: 'key_not_found', events: [stray] })
    expect(await countedAfterDrain(organizationId, 3)).toBe(3)
    const rows = await directly().sql.query('select environment from usage_hourly where organization_id = $1', [
      organizationId,
    ])
    expect(rows).toEqual([{ environment: 'test' }])
  })

  test('and only its response is lost, nothing counts twice', async () => {
    quietly()
    const { keyId, organizationId } = await newKeyHolder()
    const events = [eventOf(keyId), eventOf(keyId)]
    breakStores(['/sql'], 'lose')
    expect(await ingest(events)).toMatchObject({ accepted: 2, spooled: true })
    vi.restoreAllMocks()
    expect(await countedAfterDrain(organizationId, 6)).toBe(6)
    expect(await ingest(events)).toMatchObject({ accepted: 0, duplicates: 2 })
  })

  test('and the spool fails too, nothing is acknowledged, and all may be sent again', async () => {
    quietly()
    const { keyId, organizationId } = await newKeyHolder()
    const events = [eventOf(keyId)]
    breakStores(['/sql', '/redis'])
    await expect(ingest(events)).rejects.toMatchObject({ code: 'unavailable' })
    vi.restoreAllMocks()
    await drainUsageSpool(directly())
    expect(await counted(organizationId)).toBe(0)
    expect(await ingest(events)).toMatchObject({ accepted: 1, duplicates: 0 })
  })

  test('a request for `sync` fails instead, and nothing is spooled', async () => {
    quietly()
    const { keyId, organizationId } = await newKeyHolder()
    const events = [eventOf(keyId)]
    await findable(keyId)
    breakStores(['/sql'])
    await expect(ingest(events, { durability: 'sync' })).rejects.toMatchObject({ code: 'unavailable' })
    vi.restoreAllMocks()
    await drainUsageSpool(directly())
    expect(await counted(organizationId)).toBe(0)
  })

  test('over HTTP that is a 202 or a 503, with the usual body', async () => {
    quietly()
    const { keyId, organizationId } = await newKeyHolder()
    const send = (query: string, event: object) =>
      call(`POST /api/v1/usage${query}`, { token: service_key, body: { events: [event] } })
    expect(await send('', eventOf(keyId))).toMatchObject({ status: 200, body: { accepted: 1 } })
    breakStores(['/sql'])
    expect(await send('', eventOf(keyId))).toMatchObject({
      status: 202,
      body: { accepted: 1, duplicates: 0, conflicts: [], rejected: [], spooled: true },
    })
    expect(await send('?durability=sync', eventOf(keyId))).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    vi.restoreAllMocks()
    expect(await countedAfterDrain(organizationId, 6)).toBe(6)
  })
})

/** The isolate caches a key's organization. */
const findable = (key_id: string) => ingest([{ key_id }])

test('nothing changes while Redis fails', async () => {
  const { keyId, organizationId } = await newKeyHolder()
  breakStores(['/redis'])
  expect(await ingest([eventOf(keyId)])).toEqual({ accepted: 1, duplicates: 0, conflicts: [], rejected: [] })
  expect(await counted(organizationId)).toBe(3)
})

test('an event that the database cannot hold is rejected alone', async () => {
  quietly()
  const [full, other] = [await newKeyHolder(), await newKeyHolder()]
  await ingest([eventOf(full.keyId)])
  await directly().sql.query('update usage_totals set queries = 9223372036854775807 where organization_id = $1', [
    full.organizationId,
  ])
  const events = [eventOf(other.keyId), eventOf(full.keyId), eventOf(other.keyId), { key_id: full.keyId }]
  expect(await ingest(events)).toMatchObject({
    accepted: 3,
    rejected: [{ index: 1, id: (events[1] as { id: string }).id, code: 'not_storable' }],
  })
  expect(await counted(other.organizationId)).toBe(6)
})
