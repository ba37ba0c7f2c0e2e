import { describe, expect, test, vi } from 'vitest'
import { admit, type Claim, type QuotaClaim } from '../../src/limits/admission.ts'
import { admitAlone } from '../../src/limits/outage.ts'
import { announceVersion } from '../../src/limits/versions.ts'
import { newIsolate } from '../support/isolate.ts'

const MINUTE = 60_000
const isolate = await newIsolate()
const redis = () => isolate.deps().redis

const unique = () => crypto.randomUUID()

function claim(changes: Partial<Claim> = {}): Claim {
  return {
    now: Date.now(),
    cost: 1,
    windowKey: unique(),
    windowMs: MINUTE,
    limit: 10,
    quotas: [],
    versions: [],
    ...changes,
  }
}

function quota(changes: Partial<QuotaClaim> = {}): QuotaClaim {
  return {
    counter: `quota:test:${unique()}`,
    amount: 1,
    limit: 10,
    recorded: 0,
    isFresh: true,
    keepUntil: Date.now() + MINUTE,
    ...changes,
  }
}

describe('one claim', () => {
  test('takes from the window and from every quota, or from none of them', async () => {
    const [roomy, tight] = [quota({ limit: 100 }), quota({ limit: 2 })]
    const windowKey = unique()
    const take = (amount: number) =>
      admit(
        redis(),
        claim({
          windowKey,
          cost: amount,
          quotas: [
            { ...roomy, amount },
            { ...tight, amount },
          ],
        }),
      )
    expect(await take(2)).toMatchObject({ outcome: 'admitted', used: [2, 2], window: { remaining: 8 } })
    expect(await take(1)).toMatchObject({ outcome: 'quota_exceeded', used: [2, 2], window: { remaining: 8 } })
    expect(await take(9)).toMatchObject({ outcome: 'rate_limited', used: [2, 2], window: { remaining: 8 } })
    expect(await take(0)).toMatchObject({ outcome: 'admitted', used: [2, 2], window: { remaining: 8 } })
  })

  test('of nothing writes nothing', async () => {
    const windowKey = unique()
    await admit(redis(), claim({ windowKey, cost: 0 }))
    expect(await redis().exists(`window:${windowKey}`)).toBe(0)
  })

  test('fills the limit to the last unit, and not one further', async () => {
    const windowKey = unique()
    expect(await admit(redis(), claim({ windowKey, cost: 9 }))).toMatchObject({ outcome: 'admitted' })
    expect(await admit(redis(), claim({ windowKey, cost: 2 }))).toMatchObject({
      outcome: 'rate_limited',
      window: { remaining: 1 },
    })
    expect(await admit(redis(), claim({ windowKey, cost: 1 }))).toMatchObject({
      outcome: 'admitted',
      window: { remaining: 0 },
    })
    expect(await admit(redis(), claim({ windowKey, cost: 1 }))).toMatchObject({ outcome: 'rate_limited' })
  })

  test('of a quota without a limit is counted all the same', async () => {
    const unlimited = quota({ limit: null, amount: 7 })
    await admit(redis(), claim({ quotas: [unlimited] }))
    expect(await admit(redis(), claim({ quotas: [unlimited] }))).toMatchObject({ outcome: 'admitted', used: [14] })
  })

  test('still works after Redis has forgotten the script', async () => {
    await redis().scriptFlush()
    expect(await admit(redis(), claim())).toMatchObject({ outcome: 'admitted' })
  })
})

describe('a counter that Redis does not have', () => {
  test('starts from a figure that was read just now', async () => {
    expect(await admit(redis(), claim({ quotas: [quota({ recorded: 9 })] }))).toMatchObject({
      outcome: 'admitted',
      used: [10],
    })
    expect(await admit(redis(), claim({ quotas: [quota({ recorded: 10 })] }))).toMatchObject({
      outcome: 'quota_exceeded',
      used: [10],
    })
  })

  test('is asked for when the figure is old, and nothing is taken meanwhile', async () => {
    const windowKey = unique()
    const lost = quota({ recorded: 3, isFresh: false })
    expect(await admit(redis(), claim({ windowKey, quotas: [lost] }))).toEqual({ outcome: 'unseeded' })
    expect(await admit(redis(), claim({ windowKey, quotas: [{ ...lost, isFresh: true }] }))).toMatchObject({
      used: [4],
      window: { remaining: 9 },
    })
  })
})

describe('versions', () => {
  test('an older row is reported by its place, and nothing is taken', async () => {
    const [own, callers] = [`version:test:${unique()}`, `version:test:${unique()}`]
    const versions = [
      { key: own, version: 3 },
      { key: callers, version: 7 },
    ]
    const windowKey = unique()
    const take = () => admit(redis(), claim({ windowKey, versions }))
    expect(await take()).toMatchObject({ outcome: 'admitted' })
    await announceVersion(isolate.deps(), own, 3)
    await announceVersion(isolate.deps(), callers, 8)
    expect(await take()).toEqual({ outcome: 'stale', index: 1 })
    await announceVersion(isolate.deps(), own, 4)
    expect(await take()).toEqual({ outcome: 'stale', index: 0 })
    expect(await unitsIn(windowKey)).toBe(1)
  })

  test('announcements that overtake each other never lower a version', async () => {
    const key = `version:test:${unique()}`
    await Promise.all([5, 3, 4].map((version) => announceVersion(isolate.deps(), key, version)))
    expect(await redis().get(key)).toBe(5)
  })
})

describe('many claims at once', () => {
  test('of random costs never pass the window or the quota, and leave no room that a refused one would have fitted', async () => {
    const windowKey = unique()
    const shared = quota({ limit: 300 })
    const costs = Array.from({ length: 200 }, () => 1 + Math.floor(Math.random() * 9))
    const now = Date.now()
    const outcomes = await Promise.all(
      costs.map((cost) =>
        admit(redis(), claim({ now, windowKey, cost, limit: 400, quotas: [{ ...shared, amount: cost }] })),
      ),
    )
    const admitted = costs.filter((_, at) => outcomes[at]?.outcome === 'admitted').reduce((sum, cost) => sum + cost, 0)
    const refused = costs.filter((_, at) => outcomes[at]?.outcome !== 'admitted')
    expect(admitted).toBeLessThanOrEqual(300)
    expect(Math.min(...refused, Number.POSITIVE_INFINITY)).toBeGreaterThan(300 - admitted)
    expect(await redis().get(shared.counter)).toBe(admitted)
    expect(await unitsIn(windowKey)).toBe(admitted)
  })

  test('never pass the limit in any stretch of the window, wherever it begins, and are told truly when they fit', async () => {
    const windowKey = unique()
    const start = Date.now()
    const admitted: { at: number; cost: number }[] = []
    let promised: { at: number; cost: number } | undefined
    for (let step = 0, at = start; step < 300; step++, at += Math.floor(Math.random() * 2_500)) {
      const due = promised && at >= promised.at ? promised : undefined
      const asked = due ?? { at, cost: 1 + Math.floor(Math.random() * 6) }
      const admission = await admit(redis(), claim({ now: asked.at, windowKey, cost: asked.cost, limit: 20 }))
      if (due) expect(admission.outcome).toBe('admitted')
      if (admission.outcome === 'admitted') admitted.push(asked)
      promised = admission.outcome === 'rate_limited' ? { at: admission.window.reset, cost: asked.cost } : undefined
    }
    for (const { at: begin } of admitted) {
      const within = admitted.filter(({ at }) => at >= begin && at < begin + MINUTE)
      expect(within.reduce((sum, { cost }) => sum + cost, 0)).toBeLessThanOrEqual(20)
    }
    expect(admitted.length).toBeGreaterThan(30)
  })

  test('are decided alike by the script and by an isolate that is alone', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const windowKey = unique()
    for (let step = 0, now = Date.now(); step < 200; step++, now += Math.floor(Math.random() * 4_000)) {
      const asked = claim({ now, windowKey, cost: Math.floor(Math.random() * 1.2 ** (step % 20)), limit: 25 })
      expect(admitAlone(asked, new Error('down'))).toEqual(await admit(redis(), asked))
    }
    vi.restoreAllMocks()
  })

  test('whose clocks differ by half a minute fill one window together, not one each', async () => {
    const windowKey = unique()
    const start = Date.now()
    let taken = 0
    for (let step = 0; step < 100; step++) {
      const now = start + step * 100 + Math.round((Math.random() - 0.5) * 30_000)
      const { outcome } = await admit(redis(), claim({ now, windowKey, limit: 20 }))
      if (outcome === 'admitted') taken += 1
    }
    expect(taken).toBe(20)
  })
})

async function unitsIn(windowKey: string): Promise<number> {
  const { now: _, ...buckets } = (await redis().hgetall<Record<string, number>>(`window:${windowKey}`)) ?? {}
  return Object.values(buckets).reduce((sum, units) => sum + units, 0)
}
