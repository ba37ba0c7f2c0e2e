/**
 * Random histories over several isolates with leases: what was really admitted, and when, is written down here and held
 * against the limits. Time is moved for all; each isolate's own clock is wrong by up to half a minute.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Claim, quotaKey } from '../../src/limits/claim.ts'
import { newIsolate } from '../support/isolate.ts'

const MINUTE = 60_000
const SKEW_MS = 30_000
/** Between the moment a time is read here and the one at which Redis reads its clock. */
const CLOCK_MS = 150

type Isolate = Awaited<ReturnType<typeof newIsolate>>

const isolates: Isolate[] = [await newIsolate(), await newIsolate(), await newIsolate()]

interface Burst {
  readonly by: number
  readonly count: number
  readonly cost: number
  readonly pauseMs: number
}

const bursts = fc.array(
  fc.record({
    by: fc.nat(isolates.length - 1),
    count: fc.integer({ min: 1, max: 40 }),
    cost: fc.integer({ min: 1, max: 3 }),
    pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: 0, max: 70_000 })),
  }),
  { minLength: 5, maxLength: 25 },
)

interface World {
  readonly limit: number
  readonly quota: number
  readonly skews: readonly number[]
}

const worlds = fc.record({
  limit: fc.integer({ min: 20, max: 1_500 }),
  quota: fc.integer({ min: 20, max: 3_000 }),
  skews: fc.array(fc.integer({ min: -SKEW_MS, max: SKEW_MS }), { minLength: 3, maxLength: 3 }),
})

/** A key of an organization of its own, and everything that is admitted to it. */
function begin({ limit, quota, skews }: World) {
  const [windowKey, organizationId] = [crypto.randomUUID(), crypto.randomUUID()]
  const period = { name: 'simulated', start: 0, end: Date.now() + 1_000 * MINUTE }
  const admitted: { at: number; cost: number }[] = []
  for (const [at, isolate] of isolates.entries()) isolate.skew(skews[at] ?? 0)

  async function take(isolate: Isolate, cost: number): Promise<boolean> {
    const { now, redisAheadMs } = isolate.deps()
    const claim: Claim = {
      now: now(),
      aheadMs: redisAheadMs,
      windows: [{ key: windowKey, windowMs: MINUTE, limit, cost }],
      quota: {
        organizationId,
        period,
        meters: [{ meter: 'api_calls', amount: cost, limit: quota }],
        recorded: { api_calls: 0 },
        isFresh: true,
      },
      versions: [],
    }
    const { outcome } = await isolate.takeLeased(claim)
    if (outcome === 'admitted') admitted.push({ at: isolate.now(), cost })
    return outcome === 'admitted'
  }

  return {
    admitted,
    total: () => admitted.reduce((sum, { cost }) => sum + cost, 0),
    take,
    burst: ({ by, count, cost }: Burst) =>
      Promise.all(Array.from({ length: count }, () => take(isolates[by] as Isolate, cost))),
    counted: async () =>
      Number((await isolates[0]?.deps().redis.hget(quotaKey(organizationId, period.name), 'api_calls')) ?? 0),
  }
}

/** The most that was admitted in any stretch of a window's length. */
function mostWithinWindow(admitted: readonly { at: number; cost: number }[]): number {
  const sorted = admitted.toSorted((a, b) => a.at - b.at)
  let [most, sum, from] = [0, 0, 0]
  for (const { at, cost } of sorted) {
    sum += cost
    while (at - (sorted[from]?.at ?? at) >= MINUTE - CLOCK_MS) sum -= sorted[from++]?.cost ?? 0
    most = Math.max(most, sum)
  }
  return most
}

const advance = (ms: number) => {
  for (const isolate of isolates) isolate.advance(ms)
}

const settled = () => Promise.all(isolates.map((isolate) => isolate.settled()))

describe('isolates that share a key, with clocks that are half a minute wrong', () => {
  test('never admit more than the limit in any window, nor more than the quota, in any history', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, bursts, async (world, history) => {
        const { burst, admitted, total, counted } = begin(world)
        for (const one of history) {
          await burst(one)
          advance(one.pauseMs)
        }
        expect(mostWithinWindow(admitted)).toBeLessThanOrEqual(world.limit)
        expect(total()).toBeLessThanOrEqual(world.quota)
        expect(await counted()).toBeGreaterThanOrEqual(total()) // what is leased counts as taken
      }),
      { numRuns: 10 },
    )
  })

  test('are short of a quota by no more than their leases while these last, and by nothing afterwards', async () => {
    const quota = 2_000
    const { burst, take, total, counted } = begin({ limit: 1_000_000, quota, skews: [SKEW_MS, 0, -SKEW_MS] })
    let refused = false
    for (let round = 0; round < 80 && !refused; round++) {
      const took = await Promise.all(isolates.map((_, by) => burst({ by, count: 40, cost: 1, pauseMs: 0 })))
      refused = took.flat().includes(false)
    }
    expect(total()).toBeGreaterThanOrEqual(quota - isolates.length * 0.05 * quota)
    await settled()
    expect(await counted()).toBe(total())
    const [first] = isolates as [Isolate]
    advance(10_000) // quiet again: each is asked for
    while (await take(first, 1)) advance(1_000)
    expect(total()).toBe(quota)
  })

  test('that die with a lease leave its units taken: the others admit less, never more', async () => {
    const quota = 1_500
    const { burst, take, total } = begin({ limit: 1_000_000, quota, skews: [0, 0, 0] })
    const dying = await newIsolate()
    for (let count = 0; count < 60; count++) await take(dying, 1)
    advance(5_000)
    let admitted = true
    for (let round = 0; round < 60 && admitted; round++) {
      const took = await Promise.all(isolates.map((_, by) => burst({ by, count: 30, cost: 1, pauseMs: 0 })))
      admitted = took.flat().includes(true)
    }
    expect(total()).toBeLessThanOrEqual(quota)
    expect(total()).toBeGreaterThanOrEqual(quota - (isolates.length + 1) * 0.05 * quota)
  })
})
