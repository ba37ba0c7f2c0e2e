/** Verifications whose events reach Postgres through the spool count once in their key's limits, whatever Redis lost. */
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { type UsageEvent, VERIFICATION } from '../../../src/metering/event.ts'
import { breakStores } from '../../support/broken-stores.ts'
import { defineMeters } from '../../support/custom-meters.ts'
import { flushKey } from '../../support/flush.ts'
import { eventually, newKeyHolder, setLimits } from '../../support/http.ts'
import { type Isolate, newIsolate } from '../../support/isolate.ts'
import { keepOwnSpool } from '../../support/own-spool.ts'

keepOwnSpool() // the spool is inspected
beforeAll(defineMeters)
afterEach(() => vi.restoreAllMocks())

const SUBJECT = 'ada'
const CALENDAR = [
  { name: 'calls', meter: 'api_calls', limit: 100, period: 'day' },
  { name: 'audio', meter: 'audio_seconds', limit: 60, period: 'month' },
  { name: 'each', meter: 'api_calls', limit: 100, period: 'month', per: 'subject' },
]
const ROLLING = [{ name: 'rolling', meter: 'api_calls', limit: 100, window_seconds: 3_600 }]
/** Longer than an isolate's local units are assumed to be in transit. */
const LATER_MS = 15_000

async function begin(limits: readonly object[] = CALENDAR) {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { key, keyId, organizationId } = await newKeyHolder({ limits })
  await setLimits(organizationId, { rate_limit_per_minute: 1_000 })
  const [isolate, other] = [await newIsolate(), await newIsolate()]
  const { drainUsageSpool } = await other.load(() => import('../../../src/metering/spool.ts'))

  const use = (cost: number, subject = SUBJECT) =>
    isolate.verify(key, { cost, subject, quantities: { audio_seconds: cost / 2 } })

  async function written() {
    const [row] = await other
      .deps()
      .sql.query('select coalesce(sum(api_calls), 0)::int as calls from usage_events where organization_id = $1', [
        organizationId,
      ])
    return row?.calls
  }

  /** What is left of each limit. */
  async function look(by: Isolate = other, subject = SUBJECT) {
    const { limits = {} } = await by.verify(key, { cost: 0, subject })
    return Object.fromEntries(Object.entries(limits).map(([name, { remaining }]) => [name, remaining]))
  }

  return {
    isolate,
    use,
    look,
    flush: () => flushKey(isolate.deps(), organizationId, keyId),
    later: (ms: number) => [isolate, other].forEach((one) => one.advance(ms)),
    report: async (event: Partial<UsageEvent>) => {
      const { storeEach } = await isolate.load(() => import('../../../src/metering/store.ts'))
      const occurred_at = new Date(isolate.now()).toISOString()
      const id = uuidv7(isolate.now())
      return storeEach(isolate.deps(), [
        { id, source: VERIFICATION, organization_id: organizationId, key_id: keyId, occurred_at, ...event },
      ])
    },
    /** One call is written, and three of two calls each are spooled while Postgres is away. */
    async spool(stores: readonly string[] = [], subject = SUBJECT) {
      await use(1)
      await isolate.settled()
      const broken = breakStores(['/sql', ...stores])
      for (let at = 0; at < 3; at++) expect(await use(2, subject)).toMatchObject({ valid: true })
      if (stores.length > 0) await new Promise((resolve) => setTimeout(resolve, 150)) // the first attempt to spool them fails
      broken.mockRestore()
      const away = breakStores(['/sql'])
      await isolate.settled()
      away.mockRestore()
    },
    /** Writes what was spooled. */
    async drain(expected = 7) {
      await eventually(
        async () => {
          await drainUsageSpool(other.deps())
          return written()
        },
        (calls) => calls === expected,
      )
    },
  }
}

const ONCE = { calls: 93, audio: 56.5, each: 93 }
const WITHOUT_SPOOLED = { calls: 99, audio: 59.5, each: 99 }

describe('verifications that Redis admitted, and whose events were spooled while Postgres was down,', () => {
  test('count once in the limits of their key and its subject', async () => {
    const { spool, drain, look } = await begin()
    await spool()
    expect(await look()).toEqual(ONCE)
    await drain()
    expect(await look()).toEqual(ONCE)
  })

  test('count once in a rolling window', async () => {
    const { spool, drain, look } = await begin(ROLLING)
    await spool()
    await drain()
    expect(await look()).toEqual({ rolling: 93 })
  })

  test('count once if Redis lost the counters before they were written', async () => {
    const { spool, drain, look, flush } = await begin()
    await spool()
    await flush()
    await drain()
    expect(await look()).toEqual(ONCE)
  })

  test('count once if the counters restarted before they were written', async () => {
    const { spool, drain, look, flush, later } = await begin()
    await spool()
    later(LATER_MS)
    await flush()
    expect(await look()).toEqual(WITHOUT_SPOOLED)
    await drain()
    expect(await look()).toEqual(ONCE)
  })

  test('count once in a rolling window that was lost before they were written', async () => {
    const { spool, drain, look, flush, later } = await begin(ROLLING)
    await spool()
    later(LATER_MS) // before that, a part written second cannot tell a new window from the one that admitted it
    await flush()
    await drain()
    expect(await look()).toEqual({ rolling: 94 }) // what was written before is lost with the window
  })

  test('count once in a lost rolling window, from their admission', async () => {
    const { isolate, spool, drain, look, flush, later } = await begin(ROLLING)
    await spool()
    later(1_800_000)
    await flush()
    expect(await look(isolate)).toEqual({ rolling: 100 })
    await drain()
    expect(await look()).toEqual({ rolling: 94 })
    later(1_800_000 + 240_000)
    expect(await look(isolate)).toEqual({ rolling: 100 })
  })
})

test('verifications before and after a loss are distinguished', async () => {
  const { spool, drain, look, flush, later } = await begin()
  await spool()
  later(LATER_MS)
  await flush()
  await look()
  await spool() // the new counters have these
  await drain(14)
  expect(await look()).toEqual({ calls: 86, audio: 53, each: 86 })
})

test('a verification that cannot be reported to Redis does not count again while its isolate decides locally', async () => {
  const { isolate, use, look, report } = await begin([CALENDAR[0] as object])
  await use(2)
  await isolate.settled()
  const broken = breakStores(['/redis'])
  expect(await report({ api_calls: 2 })).toEqual(['accepted'])
  expect(await look(isolate)).toEqual({ calls: 98 })
  broken.mockRestore()
})

describe('verifications that an isolate admitted alone, and whose events were spooled,', () => {
  test('count once if the isolate carries them', async () => {
    const { isolate, spool, drain, look } = await begin()
    await spool(['/redis'])
    expect(await look(isolate)).toEqual(ONCE)
    await drain()
    expect(await look()).toEqual(ONCE)
  })

  test('count once if the counters restarted so late that the isolate leaves them to Postgres', async () => {
    const { isolate, spool, drain, look, flush, later } = await begin()
    await spool(['/redis'])
    later(LATER_MS)
    await flush()
    expect(await look()).toEqual(WITHOUT_SPOOLED)
    expect(await look(isolate)).toEqual(WITHOUT_SPOOLED)
    await drain()
    expect(await look()).toEqual(ONCE)
  })

  test('count once if a counter begins so late while the isolate still carries them', async () => {
    const { isolate, spool, drain, look, later } = await begin()
    await spool(['/redis'], 'bob') // who had no counter yet
    later(LATER_MS)
    expect(await look(isolate, 'bob')).toEqual({ ...ONCE, each: 94 })
    await drain()
    expect(await look(undefined, 'bob')).toEqual({ ...ONCE, each: 94 })
  })

  test('count once if the counters restarted at once and the isolate carries them', async () => {
    const { isolate, spool, drain, look, flush } = await begin()
    await spool(['/redis'])
    await flush()
    expect(await look()).toEqual(WITHOUT_SPOOLED)
    expect(await look(isolate)).toEqual(ONCE)
    await drain()
    expect(await look()).toEqual(ONCE)
  })
})
