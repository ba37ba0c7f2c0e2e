import { afterEach, expect, test, vi } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import type { UsageEvent } from '../../../src/metering/event.ts'
import { bodyOf } from '../../support/broken-stores.ts'
import { directly } from '../../support/direct.ts'
import { newKeyHolder } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { newReceiver } from '../../support/webhooks.ts'

afterEach(() => vi.restoreAllMocks())

/** An organization with a key, whose refusals an isolate writes. */
async function refusalWorld() {
  const { token, organizationId, keyId } = await newKeyHolder()
  const isolate = await newIsolate()
  const refuse = () =>
    isolate.record({
      id: uuidv7(isolate.now()),
      organization_id: organizationId,
      key_id: keyId,
      occurred_at: new Date(isolate.now()).toISOString(),
      api_calls: 0,
      error_code: 'RATE_LIMITED',
    } satisfies UsageEvent)
  const written = async () => {
    const [row] = await directly().sql.query(
      'select coalesce(sum(requests), 0)::int as count from usage_events where organization_id = $1',
      [organizationId],
    )
    return row?.count
  }
  return { token, isolate, refuse, written }
}

/** What the driver sends to the database for refusals, and a hook before a response. */
function watchTelling(before: () => unknown = () => undefined) {
  const real = globalThis.fetch
  const asked = { listeners: 0, inserts: 0 }
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const body = bodyOf(init)
    if (body.includes('as is_any')) asked.listeners += 1
    else if (body.includes('insert into webhook_deliveries')) asked.inserts += 1
    else return real(input, init)
    await before()
    return real(input, init)
  })
  return asked
}

test('writing usage neither waits for the notification nor fails with it', async () => {
  const { isolate, refuse, written } = await refusalWorld()
  const held = Promise.withResolvers<void>()
  const asked = watchTelling(() => held.promise)
  const warned = vi.spyOn(console, 'warn')
  refuse()
  const [batch] = isolate.underway()
  await batch
  expect(await written()).toBe(1)
  await vi.waitUntil(() => asked.listeners === 1, { timeout: 10_000 })
  held.reject(new TypeError('connection lost'))
  await isolate.settled()
  const lines = warned.mock.calls.map(([line]) => String(line))
  const logged = lines.filter((line) => !line.includes('This isolate is dead.')).join() // from an earlier file
  expect(logged).toContain('refusals_not_notified')
  expect(logged).not.toContain('usage_write_failed')
  expect(await written()).toBe(1)
})

test('listeners are looked up once a minute, and each key is reported once a minute', async () => {
  const { token, isolate, refuse } = await refusalWorld()
  const receiver = await newReceiver(token, { events: ['rate_limit.refused'] })
  const told = async () =>
    (await directly().sql.query('select id from webhook_deliveries where endpoint_id = $1', [receiver.id])).length
  const asked = watchTelling()
  isolate.advance(60_000 - (isolate.now() % 60_000) + 30_000) // to the middle of a minute
  for (let batch = 0; batch < 3; batch++) {
    refuse()
    await isolate.settled()
  }
  expect(asked).toEqual({ listeners: 1, inserts: 1 })
  expect(await told()).toBe(1)
  isolate.advance(31_000) // the next minute
  refuse()
  await isolate.settled()
  expect(asked).toEqual({ listeners: 1, inserts: 2 })
  expect(await told()).toBe(2)
  isolate.advance(30_000)
  refuse()
  await isolate.settled()
  expect(asked.listeners).toBe(2)
})

test('without listeners nothing is queried for a minute', async () => {
  const { token, isolate } = await refusalWorld()
  await newReceiver(token, { events: ['key.created'] })
  const { notifyRefusals } = await isolate.load(() => import('../../../src/events/refusals.ts'))
  const [organizationId, deps] = [uuidv7(Date.now()), isolate.deps()]
  let queries = 0
  /** Other tests have endpoints: this limits the statement to an organization without any. */
  const narrowed = Object.assign(Object.create(deps.sql), {
    query: (text: string, ...rest: unknown[]) => {
      queries += 1
      const own = `(select * from webhook_endpoints where organization_id = '${organizationId}') e`
      return Reflect.apply(deps.sql.query, deps.sql, [text.replaceAll('webhook_endpoints e', own), ...rest])
    },
  })
  for (let batch = 0; batch < 3; batch++)
    await notifyRefusals({ ...deps, sql: narrowed }, [
      {
        id: '1',
        organization_id: organizationId,
        key_id: uuidv7(Date.now()),
        occurred_at: '',
        error_code: 'RATE_LIMITED',
      },
    ])
  expect(queries).toBe(1)
})
