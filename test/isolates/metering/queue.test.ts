import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { type UsageEvent, VERIFICATION } from '../../../src/metering/event.ts'
import { bodyOf, breakStores } from '../../support/broken-stores.ts'
import { eventually } from '../../support/http.ts'
import { type Isolate, newIsolate, USAGE_WRITE } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

/** A verification, as an isolate records it. */
function event(organization_id: string, changes: Partial<UsageEvent> = {}): UsageEvent {
  const at = Date.now()
  const occurred_at = new Date(at).toISOString()
  return { id: uuidv7(at), source: VERIFICATION, organization_id, occurred_at, api_calls: 1, ...changes }
}

async function usedBy(isolate: Isolate, organizationId: string): Promise<number> {
  const [row] = await isolate
    .deps()
    .sql.query('select coalesce(sum(api_calls), 0)::int as used from usage_periods where organization_id = $1', [
      organizationId,
    ])
  return row?.used
}

const untilUsed = (isolate: Isolate, organizationId: string, units: number) =>
  eventually(
    () => usedBy(isolate, organizationId),
    (used) => used >= units,
  )

/** An isolate that sends to a queue, whose consumer is the Worker under test, and an organization. */
async function sender(queue: unknown = env.QUEUE) {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const isolate = await newIsolate({ USAGE_QUEUE: queue })
  const { sendUsage } = await isolate.load(() => import('../../../src/metering/queue.ts'))
  const { usageQueue } = isolate.deps()
  const send = (events: readonly UsageEvent[]) => sendUsage(usageQueue as NonNullable<typeof usageQueue>, events)
  return { isolate, organizationId: uuidv7(Date.now()), send }
}

/** The statements that write usage of an organization, and how many of its events each has. */
function watchWrites(organizationId: string) {
  const network = vi.spyOn(globalThis, 'fetch')
  return () =>
    network.mock.calls
      .map(([, init]) => bodyOf(init))
      .filter((body) => body.includes(USAGE_WRITE) && body.includes(organizationId))
      .map((body) => body.split(organizationId).length - 1)
}

describe('through the queue', () => {
  test('two events of each of a hundred isolates are a few statements, and count once', async () => {
    const { isolate, organizationId, send } = await sender()
    const writes = watchWrites(organizationId)
    await Promise.all(Array.from({ length: 100 }, () => send([event(organizationId), event(organizationId)])))
    expect(await untilUsed(isolate, organizationId, 200)).toBe(200)
    expect(writes().reduce((sum, events) => sum + events, 0)).toBe(200)
    expect(writes().length).toBeLessThanOrEqual(3)
  })

  test('usage that an isolate records takes no statement of its own', async () => {
    const { isolate, organizationId } = await sender()
    const writes = watchWrites(organizationId)
    for (let at = 0; at < 1_200; at++) isolate.record(event(organizationId, { endpoint: '/v1/ünïcode/'.repeat(8) }))
    await isolate.settled()
    expect(await untilUsed(isolate, organizationId, 1_200)).toBe(1_200)
    expect(Math.max(...writes())).toBeLessThanOrEqual(500)
    expect(writes().reduce((sum, events) => sum + events, 0)).toBe(1_200)
  })

  test('a message that is sent again counts once, even much later', async () => {
    const { isolate, organizationId, send } = await sender()
    const old = new Date(Date.now() - 20 * 24 * 3_600_000)
    const late = event(organizationId, { id: uuidv7(old.getTime()), occurred_at: old.toISOString() })
    const retried = event(organizationId, { request_id: uuidv7(Date.now()) }) // its id is claimed
    const events = [event(organizationId), late, retried]
    await send(events)
    expect(await untilUsed(isolate, organizationId, 3)).toBe(3)
    await send(events)
    await send([event(organizationId)])
    expect(await untilUsed(isolate, organizationId, 4)).toBe(4)
  })

  test('while Postgres is down messages wait, and each event is counted once when it is back', async () => {
    const { isolate, organizationId } = await sender()
    const network = breakStores(['/sql'])
    for (let at = 0; at < 5; at++) isolate.record(event(organizationId))
    await isolate.settled()
    const tried = () => network.mock.calls.filter(([, init]) => bodyOf(init).includes(organizationId))
    await vi.waitFor(() => expect(tried().length).toBeGreaterThanOrEqual(1), { timeout: 20_000 })
    expect(JSON.stringify(tried())).not.toContain('usage:spool')
    network.mockRestore()
    expect(await untilUsed(isolate, organizationId, 5)).toBe(5)
  })

  test('a Postgres response that is lost after the commit causes no second count', async () => {
    const { isolate, organizationId } = await sender()
    const network = breakStores(['/sql'], 'lose')
    isolate.record(event(organizationId, { api_calls: 3 }))
    await isolate.settled()
    const tried = () => network.mock.calls.filter(([, init]) => bodyOf(init).includes(organizationId))
    await vi.waitFor(() => expect(tried().length).toBeGreaterThanOrEqual(1), { timeout: 20_000 })
    network.mockRestore()
    const writes = watchWrites(organizationId)
    await vi.waitFor(() => expect(writes()).toHaveLength(1), { timeout: 20_000 }) // the second delivery
    await isolate.settled()
    expect(await untilUsed(isolate, organizationId, 3)).toBe(3)
  })

  test('a message that its queue gives up is written from the dead-letter queue', async () => {
    const { isolate, organizationId } = await sender(env.IMPATIENT_QUEUE)
    const network = breakStores(['/sql'])
    isolate.record(event(organizationId, { api_calls: 2 }))
    await isolate.settled()
    const tried = () => network.mock.calls.filter(([, init]) => bodyOf(init).includes(organizationId))
    await vi.waitFor(() => expect(tried().length).toBeGreaterThanOrEqual(1), { timeout: 20_000 })
    network.mockRestore()
    expect(await untilUsed(isolate, organizationId, 2)).toBe(2)
  })

  test('a report that arrives before its request completes it, however late the request is delivered', async () => {
    const { isolate, organizationId, send } = await sender()
    const at = Date.now() - 3_600_000
    const request = event(organizationId, {
      id: uuidv7(at),
      occurred_at: new Date(at + 5).toISOString(),
      status_code: 200,
    })
    const report = {
      ...event(organizationId),
      source: 'usage',
      api_calls: 0,
      requests: 0,
      completes: request.id,
      status_code: 500,
    }
    const { writeUsage } = await isolate.load(() => import('../../../src/metering/write.ts'))
    await writeUsage(isolate.deps(), [report])
    await send([request])
    const statuses = () =>
      isolate
        .deps()
        .sql.query('select status_code from usage_events where organization_id = $1 and id = $2', [
          organizationId,
          request.id,
        ])
    expect(await eventually(statuses, (rows) => rows[0]?.status_code === 500)).toHaveLength(1)
  })
})

describe('where the queue fails', () => {
  test.each([
    ['refuses', () => Promise.reject(new Error('Too Many Requests'))],
    ['does not answer', () => new Promise<never>(() => undefined)],
  ])('an isolate whose queue %s writes by itself', async (_, sendBatch) => {
    const { isolate, organizationId } = await sender({ sendBatch })
    isolate.record(event(organizationId, { api_calls: 4 }))
    await isolate.settled()
    expect(await usedBy(isolate, organizationId)).toBe(4)
  })

  test('after it took part of the batch, or all of it without a response, each event counts once', async () => {
    const silent = {
      sendBatch: (messages: never) => env.QUEUE.sendBatch(messages).then(() => Promise.reject(new Error('lost'))),
    }
    const { isolate, organizationId, send } = await sender(silent)
    for (let at = 0; at < 500; at++) isolate.record(event(organizationId, { endpoint: 'x'.repeat(800) }))
    await isolate.settled()
    expect(await usedBy(isolate, organizationId)).toBe(500)
    await expect(send([])).resolves.toBeUndefined()
    const writes = watchWrites(organizationId)
    await vi.waitFor(() => expect(writes().length).toBeGreaterThanOrEqual(1), { timeout: 20_000 }) // what it took
    expect(await usedBy(isolate, organizationId)).toBe(500)
  })

  test('and both stores fail too, an isolate continues until one of the three is back', async () => {
    let isBack = false
    const queue = {
      sendBatch: async (messages: never) =>
        isBack ? env.QUEUE.sendBatch(messages) : Promise.reject(new Error('away')),
    }
    const { isolate, organizationId } = await sender(queue)
    const network = breakStores(['/sql', '/redis'])
    isolate.record(event(organizationId, { api_calls: 6 }))
    await vi.waitFor(() => expect(network.mock.calls.length).toBeGreaterThanOrEqual(2), { timeout: 10_000 })
    isBack = true
    await isolate.settled()
    network.mockRestore()
    expect(await untilUsed(isolate, organizationId, 6)).toBe(6)
  })
})
