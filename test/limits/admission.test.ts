import { describe, expect, test } from 'vitest'
import { admit, type Claim, type QuotaClaim } from '../../src/limits/admission.ts'
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
      admit(redis(), claim({ windowKey, cost: amount, quotas: [roomy, tight].map((one) => ({ ...one, amount })) }))
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
    expect(await redis().hget(`window:${windowKey}`, 'current')).toBe(1)
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
    expect(await redis().hget(`window:${windowKey}`, 'current')).toBe(admitted)
  })

  test('over time never pass the limit of the window, whatever the clocks of those who ask say', async () => {
    const windowKey = unique()
    const admittedAt: { at: number; cost: number }[] = []
    const start = Math.ceil(Date.now() / MINUTE) * MINUTE
    for (let step = 0; step < 150; step++) {
      const at = start + step * 1_500
      const now = at + Math.round((Math.random() - 0.5) * 60_000)
      const cost = 1 + Math.floor(Math.random() * 4)
      const { outcome } = await admit(redis(), claim({ now, windowKey, cost, limit: 20 }))
      if (outcome === 'admitted') admittedAt.push({ at, cost })
    }
    const perWindow = Map.groupBy(admittedAt, ({ at }) => Math.floor(at / MINUTE))
    const total = admittedAt.reduce((sum, { cost }) => sum + cost, 0)
    expect(perWindow.size).toBeGreaterThan(2)
    expect(total).toBeLessThanOrEqual(20 * (perWindow.size + 1)) // one window more: the fastest clock is 30 s ahead
  })
})
