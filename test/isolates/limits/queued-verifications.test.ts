/** Verifications whose events wait long in the queue count once in their key's limits, whatever Redis lost. */
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { breakStores } from '../../support/broken-stores.ts'
import { defineMeters } from '../../support/custom-meters.ts'
import { flushKey } from '../../support/flush.ts'
import { newKeyHolder, setLimits } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'

beforeAll(defineMeters)
afterEach(() => vi.restoreAllMocks())

const SUBJECT = 'ada'
const LIMITS = [
  { name: 'calls', meter: 'api_calls', limit: 100, period: 'day' },
  { name: 'audio', meter: 'audio_seconds', limit: 60, period: 'month' },
  { name: 'each', meter: 'api_calls', limit: 100, period: 'month', per: 'subject' },
]
const ONCE = { calls: 93, audio: 56.5, each: 93 }
const WITHOUT_QUEUED = { calls: 99, audio: 59.5, each: 99 }

/** One call is written, and three of two calls each wait in the queue. */
async function begin(stores: readonly string[] = []) {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { key, keyId, organizationId } = await newKeyHolder({ limits: LIMITS })
  await setLimits(organizationId, { rate_limit_per_minute: 1_000 })
  const bodies: string[] = []
  const sendBatch = async (messages: readonly { readonly body: string }[]) => {
    bodies.push(...messages.map(({ body }) => body))
  }
  const [isolate, other] = [
    await newIsolate({ USAGE_QUEUE: { sendBatch } }),
    await newIsolate({ USAGE_QUEUE: { sendBatch } }),
  ]
  const { consumeUsage } = await other.load(() => import('../../../src/metering/consume-queue.ts'))

  const use = (cost: number) => isolate.verify(key, { cost, subject: SUBJECT, quantities: { audio_seconds: cost / 2 } })

  /** Delivers what waits in the queue. @returns how many messages were acknowledged */
  async function deliver(attempts = 1) {
    const acknowledged: string[] = []
    const messages = bodies.map((body) => ({
      body,
      attempts,
      timestamp: new Date(other.now()),
      ack: () => acknowledged.push(body),
      retry: () => undefined,
    }))
    await consumeUsage(other.deps(), messages)
    await other.settled()
    return acknowledged.length
  }

  await use(1)
  await isolate.settled()
  expect(await deliver()).toBe(1)
  bodies.length = 0
  const broken = stores.length > 0 ? breakStores(stores) : undefined
  for (let at = 0; at < 3; at++) expect(await use(2)).toMatchObject({ valid: true })
  await isolate.settled()
  broken?.mockRestore()

  return {
    isolate,
    deliver,
    flush: () => flushKey(isolate.deps(), organizationId, keyId),
    later: (ms: number) => [isolate, other].forEach((one) => one.advance(ms)),
    /** What is left of each limit. */
    async look(by = other) {
      const { limits = {} } = await by.verify(key, { cost: 0, subject: SUBJECT })
      return Object.fromEntries(Object.entries(limits).map(([name, { remaining }]) => [name, remaining]))
    },
  }
}

describe('verifications that Redis admitted, and that wait in the queue while Postgres is down,', () => {
  test.each([15, 90])('count once if they are delivered after %i seconds', async (seconds) => {
    const { deliver, look, later } = await begin()
    later(seconds * 1_000)
    expect(await deliver()).toBeGreaterThan(0)
    expect(await look()).toEqual(ONCE)
  })

  test.each([15, 90])(
    'count once if Redis lost the counters, and these restarted %i seconds later',
    async (seconds) => {
      const { deliver, look, flush, later } = await begin()
      later(seconds * 1_000)
      await flush()
      expect(await look()).toEqual(WITHOUT_QUEUED)
      const away = breakStores(['/sql'])
      expect(await deliver()).toBe(0)
      away.mockRestore()
      expect(await deliver(2)).toBeGreaterThan(0)
      expect(await look()).toEqual(ONCE)
      expect(await deliver(3)).toBeGreaterThan(0)
      expect(await look()).toEqual(ONCE)
    },
  )
})

test('verifications that an isolate admitted alone count once if they leave the queue so late that the isolate leaves them to Postgres', async () => {
  const { isolate, deliver, look, flush, later } = await begin(['/redis'])
  later(90_000)
  await flush()
  expect(await look()).toEqual(WITHOUT_QUEUED)
  expect(await look(isolate)).toEqual(WITHOUT_QUEUED)
  expect(await deliver()).toBeGreaterThan(0)
  expect(await look()).toEqual(ONCE)
})
