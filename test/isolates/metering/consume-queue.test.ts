import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { type UsageEvent, VERIFICATION } from '../../../src/metering/event.ts'
import { bodyOf, breakStores } from '../../support/broken-stores.ts'
import { eventually } from '../../support/http.ts'
import { newIsolate, USAGE_WRITE } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

function event(organization_id: string, changes: Partial<UsageEvent> = {}): UsageEvent {
  const at = Date.now()
  const occurred_at = new Date(at).toISOString()
  return { id: uuidv7(at), source: VERIFICATION, organization_id, occurred_at, api_calls: 1, ...changes }
}

const messageOf = (...events: unknown[]) => JSON.stringify({ v: 1, events })

/** A consumer that gets batches as from the platform, and returns the outcome of each message, in order. */
async function consumer(variables: Record<string, unknown> = {}) {
  for (const level of ['warn', 'error'] as const) vi.spyOn(console, level).mockImplementation(() => undefined)
  const isolate = await newIsolate({ USAGE_QUEUE: env.QUEUE, ...variables })
  const { consumeUsage } = await isolate.load(() => import('../../../src/metering/consume-queue.ts'))
  const queue = await isolate.load(() => import('../../../src/metering/queue.ts'))
  const { drainUsageSpool } = await isolate.load(() => import('../../../src/metering/spool.ts'))
  const { snapshot } = await isolate.load(() => import('../../../src/metrics/count.ts'))
  const organizationId = uuidv7(Date.now())
  const {
    redis: { shared: redis },
    sql,
  } = isolate.deps()

  async function deliver(bodies: readonly unknown[], attempts = 1, timestamp = new Date()) {
    const messages = bodies.map((body, at) => ({ id: String(at), timestamp, attempts, body }))
    const batch = createMessageBatch('tollgate-usage', messages)
    const retries = batch.messages.map((message) => vi.spyOn(message, 'retry')) // the result is without delays
    await consumeUsage(isolate.deps(), batch.messages)
    await isolate.settled()
    const { explicitAcks, retryMessages } = await getQueueResult(batch, createExecutionContext())
    const again = new Set(retryMessages.map(({ msgId }) => msgId))
    const delayOf = (at: number) => again.has(String(at)) && retries[at]?.mock.calls[0]?.[0]?.delaySeconds
    return messages.map(({ id }, at) => (explicitAcks.includes(id) ? 'done' : delayOf(at)))
  }

  async function used(): Promise<number> {
    const [row] = await sql.query(
      'select coalesce(sum(api_calls), 0)::int as used from usage_periods where organization_id = $1',
      [organizationId],
    )
    return row?.used
  }

  /** The messages that were set aside and contain a text; removed. */
  async function takeAside(mark: string): Promise<string[]> {
    const values = await redis.smembers<unknown[]>('usage:aside')
    const texts = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
    const found = texts.filter((text) => text.includes(mark))
    await Promise.all(found.map((text) => redis.srem('usage:aside', text)))
    return found
  }

  const forget = () => redis.del('usage:behind')
  return { isolate, ...queue, drainUsageSpool, snapshot, organizationId, deliver, used, takeAside, forget }
}

/** Postgres does not answer statements that contain a text. */
function refuse(text: string) {
  const real = globalThis.fetch
  return vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    if (bodyOf(init).includes(USAGE_WRITE) && bodyOf(init).includes(text)) throw new TypeError('connection lost')
    return real(input, init)
  })
}

describe('the consumer', () => {
  test('keeps what it wrote if it fails midway, and gets the rest again', async () => {
    const { organizationId, deliver, used, forget } = await consumer()
    const [first, second, third] = [0, 1, 2].map((part) =>
      messageOf(...Array.from({ length: 300 }, () => event(organizationId, { endpoint: `/part-${part}` }))),
    ) as [string, string, string]
    const network = refuse('/part-1')
    expect(await deliver([first, second, third])).toEqual(['done', 2, 2])
    expect(await used()).toBe(300)
    network.mockRestore()
    expect(await deliver([first, second, third], 2)).toEqual(['done', 'done', 'done'])
    expect(await used()).toBe(900)
    await forget()
  })

  test('asks Postgres once for a batch that it cannot accept, and less and less often', async () => {
    const { organizationId, deliver, used, forget } = await consumer()
    const bodies = Array.from({ length: 5 }, () =>
      messageOf(...Array.from({ length: 200 }, () => event(organizationId))),
    )
    const network = breakStores(['/sql'])
    const delays = []
    for (const attempts of [1, 2, 3, 8, 9, 40]) delays.push((await deliver(bodies, attempts))[0])
    expect(delays).toEqual([2, 4, 8, 256, 300, 300])
    const writes = network.mock.calls.filter(([, init]) => bodyOf(init).includes(USAGE_WRITE))
    expect(writes).toHaveLength(6)
    network.mockRestore()
    expect(await used()).toBe(0)
    await forget()
  })

  test('resends a message before the platform gives it up, and keeps it if that fails', async () => {
    const { organizationId, deliver, used, forget } = await consumer()
    const body = messageOf(event(organizationId))
    const network = breakStores(['/sql'])
    expect(await deliver([body], 49)).toEqual([300])
    expect(await deliver([body], 50)).toEqual(['done'])
    network.mockRestore()
    expect(await eventually(used, (units) => units > 0)).toBe(1) // by the Worker under test, to which the queue brought it
    const other = await consumer({ USAGE_QUEUE: { sendBatch: () => Promise.reject(new Error('away')) } })
    breakStores(['/sql'])
    expect(await other.deliver([messageOf(event(other.organizationId))], 50)).toEqual([300])
    vi.restoreAllMocks()
    await forget()
  })

  test('counts what it does, and how long messages waited', async () => {
    const { organizationId, deliver, snapshot, forget } = await consumer()
    const body = messageOf(event(organizationId), event(organizationId))
    await deliver([body, messageOf()], 1, new Date(Date.now() - 45_000))
    const network = breakStores(['/sql'])
    await deliver([messageOf(event(organizationId))])
    network.mockRestore()
    const counts = snapshot()
    expect(counts).toMatchObject({
      'usageEvents|written': 2,
      'queueMessages|written': 2,
      'queueMessages|put_off': 1,
      'queueSeconds||6': 2,
    })
    expect(counts['queueSeconds||sum']).toBeGreaterThanOrEqual(90)
    await forget()
  })
})

describe('a message', () => {
  test.each([
    ['no JSON', (mark: string) => `{"${mark}`],
    ['a string', (mark: string) => JSON.stringify(mark)],
    ['an object without a version', (mark: string) => JSON.stringify({ events: [{ id: mark }] })],
    ['events that are none', (mark: string) => JSON.stringify({ v: 1, events: mark })],
  ])('that is %s is set aside, and messages beside it are written', async (_, poison) => {
    const { organizationId, deliver, used, takeAside } = await consumer()
    const mark = crypto.randomUUID()
    expect(await deliver([poison(mark), messageOf(event(organizationId))])).toEqual(['done', 'done'])
    expect(await used()).toBe(1)
    const aside = poison(mark)
    expect(await takeAside(mark)).toEqual([aside.startsWith('"') ? mark : aside])
  })

  test('with an entry that is not an event is written without it', async () => {
    const { organizationId, deliver, used, takeAside } = await consumer()
    const mark = crypto.randomUUID()
    expect(await deliver([messageOf(event(organizationId), 7, null, { mark }, event(organizationId))])).toEqual([
      'done',
    ])
    expect(await used()).toBe(2)
    expect(await takeAside(mark)).toEqual([JSON.stringify([7, null, { mark }])])
  })

  test('that came as an object is read like text', async () => {
    const { organizationId, deliver, used } = await consumer()
    expect(await deliver([{ v: 1, events: [event(organizationId)] }])).toEqual(['done'])
    expect(await used()).toBe(1)
  })

  test('of another version is never dropped: it waits for a deployment that reads it', async () => {
    const { organizationId, deliver, used, forget } = await consumer()
    const body = JSON.stringify({ v: 2, batch: [event(organizationId)] })
    expect(await deliver([body, messageOf(event(organizationId))])).toEqual([2, 'done'])
    expect(await deliver([body], 30)).toEqual([300])
    expect(await used()).toBe(1)
    await forget()
  })

  test('with an event that Postgres refuses permanently loses nothing else', async () => {
    const { organizationId, deliver, used, takeAside, drainUsageSpool, isolate } = await consumer()
    const mark = crypto.randomUUID()
    const refused = event(organizationId, { endpoint: `${mark}${randomText(6_000)}` })
    const bodies = [messageOf(event(organizationId), refused), messageOf(event(organizationId))]
    expect(await deliver(bodies)).toEqual(['done', 'done'])
    const units = await eventually(
      async () => {
        await drainUsageSpool(isolate.deps()) // or a test in another process does
        return used()
      },
      (count) => count >= 2,
    )
    expect(units).toBe(2)
    const aside = await eventually(
      () => takeAside(mark),
      ({ length }) => length > 0,
    )
    expect(aside).toEqual([JSON.stringify([refused])])
  })

  test('that is poison waits while Redis is down as well', async () => {
    const { deliver, takeAside } = await consumer()
    const mark = crypto.randomUUID()
    const network = breakStores(['/redis'])
    expect(await deliver([JSON.stringify({ mark })])).toEqual([2])
    network.mockRestore()
    expect(await deliver([JSON.stringify({ mark })], 2)).toEqual(['done'])
    expect(await takeAside(mark)).toHaveLength(1)
  })
})

/** Text that does not compress: longer than an index row of Postgres may be. */
const randomText = (length: number) => Array.from({ length }, () => Math.random().toString(36)[2] ?? 'x').join('')

describe('counters are lowered to what Postgres has', () => {
  const sized = (messages: number, oldest?: number) => ({
    metrics: async () => ({
      backlogCount: messages,
      ...(oldest !== undefined && { oldestMessageTimestamp: new Date(Date.now() - oldest) }),
    }),
  })

  test.each([
    ['with an empty queue', sized(0), true],
    ['behind messages that were just sent', sized(1_000, 5_000), true],
    ['not behind one that waits for half a minute', sized(1, 31_000), false],
    ['not behind one of unknown age', sized(1), false],
    ['not where the queue does not say', { metrics: () => Promise.reject(new Error('away')) }, false],
    ['not where it never says', { metrics: () => new Promise(() => undefined) }, false],
  ])('%s', async (_, USAGE_QUEUE, isAllowed) => {
    const { isolate, isAllWritten, drainUsageSpool } = await consumer({ USAGE_QUEUE })
    const written = async () => {
      await drainUsageSpool(isolate.deps()) // tests that break the database leave something in it
      await isolate.deps().redis.shared.del('usage:behind')
      return isAllWritten(isolate.deps())
    }
    // now and then a test in another process has something in the spool
    expect(await eventually(written, (is) => is === isAllowed)).toBe(isAllowed)
  })

  test('not if a message moves from the queue to the spool meanwhile', async () => {
    const { isolate, isAllWritten, organizationId, drainUsageSpool } = await consumer()
    const { trySpool } = await isolate.load(() => import('../../../src/metering/spool.ts'))
    const usageQueue = {
      sendBatch: async () => undefined,
      async metrics() {
        await new Promise((resolve) => setTimeout(resolve, 100))
        await trySpool(isolate.deps(), [event(organizationId)])
        return { backlogCount: 0 }
      },
    }
    await drainUsageSpool(isolate.deps())
    await isolate.deps().redis.shared.del('usage:behind')
    expect(await isAllWritten({ ...isolate.deps(), usageQueue })).toBe(false)
    await drainUsageSpool(isolate.deps())
  })

  test('not while messages are deferred', async () => {
    const { isolate, isAllWritten, organizationId, deliver, forget } = await consumer({ USAGE_QUEUE: sized(0) })
    const network = breakStores(['/sql'])
    await deliver([messageOf(event(organizationId))])
    network.mockRestore()
    expect(await isAllWritten(isolate.deps())).toBe(false)
    expect(await isolate.deps().redis.shared.ttl('usage:behind')).toBeGreaterThan(300)
    await forget()
  })
})
