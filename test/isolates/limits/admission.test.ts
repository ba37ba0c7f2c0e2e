import { describe, expect, test, vi } from 'vitest'
import { defineScript, runScript } from '../../../src/db/script.ts'
import { admit, toWindowKey } from '../../../src/limits/admission.ts'
import {
  type LimitDecision,
  type LimitRequest,
  type QuotaRequest,
  quotaKey,
} from '../../../src/limits/limit-request.ts'
import { admitLocally } from '../../../src/limits/outage/decide.ts'
import { publishVersion } from '../../../src/limits/versions.ts'
import { newIsolate } from '../../support/isolate.ts'
import { readQuota } from '../../support/quota.ts'
import { readWindow, unitsIn } from '../../support/windows.ts'

const MINUTE = 60_000
/** Long enough for the delay between reading a claim's time here and its script's time in Redis. */
const LONG = 10 * MINUTE
const BUCKET = LONG / 30
const CLOCK_MS = 1_000
const isolate = await newIsolate()
const redis = () => isolate.deps().redis.shared

const unique = () => crypto.randomUUID()

interface Changes extends Partial<Omit<LimitRequest, 'windows'>> {
  readonly windowKey?: string
  readonly windowMs?: number
  readonly cost?: number
  readonly limit?: number
}

/** Redis' clock is set to the claim's own. */
function claim(asked: Changes = {}): LimitRequest {
  const { windowKey = unique(), windowMs = MINUTE, cost = 1, limit = 10, ...changes } = asked
  const now = changes.now ?? Date.now()
  const windows = [{ key: windowKey, windowMs, limit, cost }] as const
  return { now, aheadMs: now - Date.now(), organizationId: undefined, windows, versions: [], ...changes }
}

const period = { name: 'test', start: 0, end: Date.now() + MINUTE }

function quota(meters: QuotaRequest['meters'], changes: Partial<QuotaRequest> = {}): QuotaRequest {
  const recorded = Object.fromEntries(meters.map(({ meter }) => [meter, 0]))
  return { organizationId: unique(), period, meters, recorded, isFresh: true, ...changes }
}

const queries = (limit: number | null, amount = 1) => ({ meter: 'queries', amount, limit }) as const
const calls = (limit: number | null, amount = 1) => ({ meter: 'api_calls', amount, limit }) as const

describe('one claim', () => {
  test('takes from the window and from every quota, or from none', async () => {
    const windowKey = unique()
    const of = quota([])
    const take = (cost: number) =>
      admit(redis(), claim({ windowKey, cost, quota: { ...of, meters: [calls(100, cost), queries(2, cost)] } }))
    const twoUsed = { meters: [{ used: 2 }, { used: 2 }], windows: [{ remaining: 8 }] }
    expect(await take(2)).toMatchObject({ outcome: 'admitted', refused: -1, ...twoUsed })
    expect(await take(1)).toMatchObject({ outcome: 'quota_exceeded', refused: 1, ...twoUsed })
    expect(await take(9)).toMatchObject({ outcome: 'rate_limited', refused: 0, ...twoUsed })
    expect(await take(0)).toMatchObject({ outcome: 'admitted', ...twoUsed })
  })

  test('takes from each of its windows at its own cost, or from none', async () => {
    const [rate, reports] = [unique(), unique()]
    const take = (cost: number, reportCost: number) =>
      admit(redis(), {
        ...claim(),
        windows: [
          { key: rate, windowMs: MINUTE, limit: 10, cost },
          { key: reports, windowMs: 30 * 24 * 60 * MINUTE, limit: 5, cost: reportCost },
        ],
      })
    expect(await take(1, 4)).toMatchObject({ outcome: 'admitted', windows: [{ remaining: 9 }, { remaining: 1 }] })
    expect(await take(1, 2)).toMatchObject({
      outcome: 'rate_limited',
      refused: 1,
      windows: [{ remaining: 9 }, { remaining: 1 }],
    })
    expect(await take(1, 0)).toMatchObject({ outcome: 'admitted', windows: [{ remaining: 8 }, { remaining: 1 }] })
    expect(await take(9, 1)).toMatchObject({ outcome: 'rate_limited', refused: 0 })
    expect(await take(8, 1)).toMatchObject({ outcome: 'admitted', windows: [{ remaining: 0 }, { remaining: 0 }] })
  })

  test('is refused once another meter is used up, though it takes nothing from it', async () => {
    const of = quota([])
    const take = (amount: number, cost = 1) =>
      admit(
        redis(),
        claim({ cost, quota: { ...of, meters: [calls(null, cost), { meter: 'tokens', amount, limit: 3 }] } }),
      )
    expect(await take(2)).toMatchObject({ outcome: 'admitted' })
    expect(await take(0)).toMatchObject({ outcome: 'admitted' })
    expect(await take(1)).toMatchObject({ outcome: 'admitted' })
    expect(await take(0)).toMatchObject({ outcome: 'quota_exceeded', refused: 1, meters: [{ used: 3 }, { used: 3 }] })
    expect(await take(0, 0)).toMatchObject({ outcome: 'admitted' })
  })

  test('that must count once is admitted again without taking anything, even once nothing is left', async () => {
    const windowKey = unique()
    const of = quota([calls(3, 2)])
    const take = (key: string, body = 'the same') =>
      admit(redis(), claim({ windowKey, cost: 2, quota: of, once: { key, body } }))
    const first = `once:${unique()}`
    expect(await take(first)).toMatchObject({ outcome: 'admitted', windows: [{ remaining: 8 }], meters: [{ used: 2 }] })
    expect(await take(`once:${unique()}`)).toMatchObject({ outcome: 'quota_exceeded' })
    expect(await take(first, 'another request')).toEqual({ outcome: 'reused' })
    expect(await take(first)).toMatchObject({ outcome: 'admitted', windows: [{ remaining: 8 }], meters: [{ used: 2 }] })
  })

  test('keeps a window longer than its last unit, and small however long it is used', async () => {
    const windowKey = unique()
    const start = Date.now()
    for (let at = 0; at < 6 * MINUTE; at += 2_000) {
      expect((await admit(redis(), claim({ windowKey, limit: 1_000, now: start + at }))).outcome).toBe('admitted')
      expect(await redis().pttl(toWindowKey(windowKey))).toBeGreaterThan(MINUTE + 2_000)
    }
    expect((await readWindow(redis(), windowKey)).buckets.size).toBeLessThanOrEqual(31)
  })

  test('of nothing writes nothing', async () => {
    const windowKey = unique()
    await admit(redis(), claim({ windowKey, cost: 0 }))
    expect(await redis().exists(toWindowKey(windowKey))).toBe(0)
  })

  test('fills the limit to the last unit, and never exceeds it', async () => {
    const windowKey = unique()
    expect(await admit(redis(), claim({ windowKey, cost: 9 }))).toMatchObject({ outcome: 'admitted' })
    expect(await admit(redis(), claim({ windowKey, cost: 2 }))).toMatchObject({
      outcome: 'rate_limited',
      windows: [{ remaining: 1 }],
    })
    expect(await admit(redis(), claim({ windowKey, cost: 1 }))).toMatchObject({
      outcome: 'admitted',
      windows: [{ remaining: 0 }],
    })
    expect(await admit(redis(), claim({ windowKey, cost: 1 }))).toMatchObject({ outcome: 'rate_limited' })
  })

  test('of a quota without a limit is still counted', async () => {
    const unlimited = quota([calls(null, 7)])
    await admit(redis(), claim({ quota: unlimited }))
    expect(await admit(redis(), claim({ quota: unlimited }))).toMatchObject({ meters: [{ used: 14 }] })
  })

  test('works with a script that Redis has not loaded, or has flushed', async () => {
    const unknown = defineScript(`-- ${unique()}\nreturn {KEYS[1], ARGV[1]}`)
    expect(await runScript(redis(), unknown, ['k'], ['v'])).toEqual(['k', 'v'])
    expect(await runScript(redis(), unknown, ['k'], ['v'])).toEqual(['k', 'v'])
  })
})

describe('a counter that Redis does not have', () => {
  test('starts from a figure that was just read', async () => {
    const take = (used: number) =>
      admit(redis(), claim({ quota: quota([calls(10)], { recorded: { api_calls: used, tokens: 5 } }) }))
    expect(await take(9)).toMatchObject({ outcome: 'admitted', meters: [{ used: 10 }] })
    expect(await take(10)).toMatchObject({ outcome: 'quota_exceeded', meters: [{ used: 10 }] })
  })

  test('is requested if the figure is old, and nothing is taken meanwhile', async () => {
    const windowKey = unique()
    const lost = quota([calls(10)], { recorded: { api_calls: 3 }, isFresh: false })
    expect(await admit(redis(), claim({ windowKey, quota: lost }))).toEqual({ outcome: 'unseeded' })
    expect(await admit(redis(), claim({ windowKey, quota: { ...lost, isFresh: true } }))).toMatchObject({
      meters: [{ used: 4 }],
      windows: [{ remaining: 9 }],
    })
  })

  test('is raised to a fresh figure that is higher, and never lowered to a lower one', async () => {
    const of = quota([calls(100)])
    const take = (reported: number, ...lanes: [number, number]) => {
      const recorded = { api_calls: reported + lanes[0] + lanes[1], lanes }
      return admit(redis(), claim({ quota: { ...of, recorded } }))
    }
    expect(await take(5, 0, 0)).toMatchObject({ meters: [{ used: 6 }] })
    expect(await take(20, 1, 0)).toMatchObject({ meters: [{ used: 22 }] })
    expect(await take(7, 2, 0)).toMatchObject({ meters: [{ used: 23 }] })
    expect(await take(20, 9, 2)).toMatchObject({ meters: [{ used: 32 }] })
  })
})

describe('versions', () => {
  test('a stale row is reported by its index, and nothing is taken', async () => {
    const [own, callers] = [`version:test:${unique()}`, `version:test:${unique()}`]
    const versions = [
      { key: own, version: 3 },
      { key: callers, version: 7 },
    ]
    const windowKey = unique()
    const take = () => admit(redis(), claim({ windowKey, versions }))
    expect(await take()).toMatchObject({ outcome: 'admitted' })
    await publishVersion(isolate.deps(), own, 3)
    await publishVersion(isolate.deps(), callers, 8)
    expect(await take()).toEqual({ outcome: 'stale', index: 1 })
    await publishVersion(isolate.deps(), own, 4)
    expect(await take()).toEqual({ outcome: 'stale', index: 0 })
    expect(await unitsIn(redis(), windowKey)).toBe(1)
  })

  test('publications that overtake each other never lower a version', async () => {
    const key = `version:test:${unique()}`
    await Promise.all([5, 3, 4].map((version) => publishVersion(isolate.deps(), key, version)))
    expect(await redis().get(key)).toBe(5)
  })
})

describe('many claims at once', () => {
  test('of random costs never exceed the window or the quota, and leave no room where a refused one would fit', async () => {
    const windowKey = unique()
    const shared = quota([])
    const costs = Array.from({ length: 200 }, () => 1 + Math.floor(Math.random() * 9))
    const outcomes = await Promise.all(
      costs.map((cost) =>
        admit(redis(), claim({ windowKey, cost, limit: 400, quota: { ...shared, meters: [calls(300, cost)] } })),
      ),
    )
    const admitted = costs.filter((_, at) => outcomes[at]?.outcome === 'admitted').reduce((sum, cost) => sum + cost, 0)
    const refused = costs.filter((_, at) => outcomes[at]?.outcome !== 'admitted')
    expect(admitted).toBeLessThanOrEqual(300)
    expect(Math.min(...refused, Number.POSITIVE_INFINITY)).toBeGreaterThan(300 - admitted)
    expect((await readQuota(redis(), quotaKey(shared.organizationId, period.name))).api_calls).toBe(admitted)
    expect(await unitsIn(redis(), windowKey)).toBe(admitted)
  })

  test('never exceed the limit in any stretch of the window, wherever it begins, and get the correct time to retry', async () => {
    const windowKey = unique()
    const start = Date.now()
    const admitted: { at: number; cost: number }[] = []
    let promised: { at: number; cost: number } | undefined
    for (let step = 0, at = start; step < 300; step++, at += Math.floor(Math.random() * 25_000)) {
      const due = promised && at >= promised.at ? promised : undefined
      const asked = due ?? { at, cost: 1 + Math.floor(Math.random() * 6) }
      const admission = await admit(
        redis(),
        claim({ now: asked.at, windowKey, windowMs: LONG, cost: asked.cost, limit: 20 }),
      )
      if (due) expect(admission.outcome).toBe('admitted')
      if (admission.outcome === 'admitted') admitted.push(asked)
      promised =
        admission.outcome === 'rate_limited' ? { at: admission.windows[0]?.reset ?? 0, cost: asked.cost } : undefined
    }
    expect(mostWithin(admitted)).toBeLessThanOrEqual(20)
    expect(admitted.length).toBeGreaterThan(30)
  })

  test('are decided alike by the script and by an isolate that decides locally', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const windowKey = unique()
    const middleOfBucket = (Math.floor(Date.now() / BUCKET) + 0.5) * BUCKET // when the time of a call changes nothing
    for (let step = 0, now = middleOfBucket; step < 200; step++, now += BUCKET * Math.floor(Math.random() * 3)) {
      const asked = claim({
        now,
        windowKey,
        windowMs: LONG,
        cost: Math.floor(Math.random() * 1.2 ** (step % 20)),
        limit: 25,
      })
      const { isConfirmed: _, ...decided } = (await admit(redis(), asked)) as LimitDecision
      expect(admitLocally(asked, new Error('down'))).toEqual({ ...decided, isLocal: true })
    }
    vi.restoreAllMocks()
  })

  test('fill one window together if their clocks differ by half a minute, not one each', async () => {
    const windowKey = unique()
    const start = Date.now()
    let taken = 0
    for (let step = 0; step < 100; step++) {
      const now = start + step * 100 + Math.round((Math.random() - 0.5) * 30_000)
      const { outcome } = await admit(redis(), claim({ now, aheadMs: step * 100, windowKey, limit: 20 }))
      if (outcome === 'admitted') taken += 1
    }
    expect(taken).toBe(20)
  })
})

/** The maximum of units in any stretch of a window's length. */
function mostWithin(admitted: readonly { at: number; cost: number }[]): number {
  const sums = admitted.map(({ at: begin }) => {
    const within = admitted.filter(({ at }) => at >= begin && at < begin + LONG - CLOCK_MS)
    return within.reduce((sum, { cost }) => sum + cost, 0)
  })
  return Math.max(...sums)
}
