/**
 * Random histories over several isolates with leases: what was really admitted, and when, is written down here and held
 * against the limits, and the counters of Redis against it. Time is moved for all, timers with it; each isolate's own
 * clock is wrong by up to half a minute, and any of them may die. A history happens at the times it says, so that one
 * that fails does so again.
 */
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { monthOf } from '../../src/lib/period.ts'
import { windowKeyOf } from '../../src/limits/admission.ts'
import { quotaKey } from '../../src/limits/claim.ts'
import { raiseUsed } from '../../src/limits/raise.ts'
import { reconcile } from '../../src/limits/reconcile.ts'
import { BUCKETS } from '../../src/limits/window.ts'
import {
  BUCKET_MS,
  EXAMPLES,
  histories,
  MINUTE,
  MOST_AT_ONCE,
  type Step,
  type World,
  worlds,
} from '../support/histories.ts'
import { claimOf, type Isolate, moveTime, newIsolate } from '../support/isolate.ts'

const LEASE_MS = 1_500
const SETTLED_AFTER_MS = 91_000
/** The part of what is left that one lease may have. */
const SHARE = 0.05
/** Times are read here and in Redis, to the millisecond. */
const CLOCK_MS = 20
/** Units return up to one bucket late, and count in the bucket of their lease's end though they be spent at its beginning. */
const LONGEST_MS = MINUTE + BUCKET_MS + LEASE_MS + CLOCK_MS
/** One after the other until it is refused: nothing is left then, and few requests were needed. */
const FLOOD = [64, 16, 4, 1]

const isolates: readonly [Isolate, ...Isolate[]] = [await newIsolate(), await newIsolate(), await newIsolate()]
const [first] = isolates
const clock = () => first.now()

/** What was admitted or refused at some moment from `from` to `to`. */
interface Asked {
  readonly from: number
  readonly to: number
  readonly cost: number
  readonly outcome: string
}

interface Key {
  readonly windowKey: string
  readonly limit: number
  readonly admitted: Asked[]
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const unitsOf = (asked: readonly Asked[]) => sum(asked.map(({ cost }) => cost))

/** The most that was surely admitted in a stretch of a window's length, wherever it begins. */
const mostWithinWindow = (admitted: readonly Asked[]) =>
  Math.max(
    0,
    ...admitted.map(({ from: start }) =>
      unitsOf(admitted.filter(({ from, to }) => from >= start && to < start + MINUTE - CLOCK_MS)),
    ),
  )

const mayCount = ({ admitted }: Key, at: number) => unitsOf(admitted.filter(({ to }) => to >= at - LONGEST_MS))
const mustCount = ({ admitted }: Key, at: number) => unitsOf(admitted.filter(({ from }) => from >= at - MINUTE))

/** What the leases of all isolates, one each, may have of a key's limit; of a dead one it may stay for good. */
const mostLent = ({ limit }: Key) => isolates.length * SHARE * limit

/** Two keys of an organization of its own, and everything that is admitted to them. */
function begin({ limits, quota, skews }: World) {
  const organizationId = crypto.randomUUID()
  const alive = { ...first.deps() } // stores of its own: the first isolate may die
  const { redis } = alive
  const deps = () => ({ ...alive, redisAheadMs: first.aheadMs() })
  const { name, start } = monthOf(clock())
  const period = { name, start, end: clock() + 1_000 * MINUTE }
  /** What Postgres holds: calls by the lane that counted them, and reported ones. */
  const recorded = { lanes: [0, 0] as [number, number], reported: 0 }
  const keys = limits.map((limit): Key => ({ windowKey: crypto.randomUUID(), limit, admitted: [] }))
  for (const [at, isolate] of isolates.entries()) isolate.skew(skews[at] ?? 0)

  async function take(isolate: Isolate, key: Key, cost: number): Promise<Asked> {
    const from = clock()
    const { windowKey, limit } = key
    const claim = claimOf(isolate, { windowKey, limit, organizationId, period, quota, cost })
    const admission = await isolate.takeLeased(claim)
    const { outcome } = admission
    const asked = { from, to: clock(), cost, outcome }
    if (outcome === 'admitted') {
      key.admitted.push(asked)
      if ('generation' in admission) recorded.lanes[((admission.generation ?? 0) % 2) as 0 | 1] += cost
    }
    return asked
  }

  async function flood(isolate: Isolate, key: Key): Promise<Asked[]> {
    const refused: Asked[] = []
    for (const cost of FLOOD) {
      let asked = await take(isolate, key, cost)
      while (asked.outcome === 'admitted') asked = await take(isolate, key, cost)
      refused.push(asked)
    }
    return refused
  }

  const row = () => ({
    organization_id: organizationId,
    period_start: start,
    api_calls: sum(recorded.lanes) + recorded.reported,
    even_calls: recorded.lanes[0],
    odd_calls: recorded.lanes[1],
    queries: 0,
    tokens: recorded.reported,
    cost_usd: '0',
  })

  /** Where they fit, so that nothing but verifications may pass the quota. */
  async function report(calls: number, raises: number) {
    const before = await counted()
    if (before === 0 || before + calls > quota) return // without a counter nothing is raised
    recorded.reported += calls
    await Promise.all(Array.from({ length: raises }, () => raiseUsed(deps(), [row()])))
  }

  const settle = () => Promise.all([reconcile(deps(), row(), true), reconcile(deps(), row(), true)])
  const counted = async () => Number((await redis.hget(quotaKey(organizationId, name), 'api_calls')) ?? 0)

  /** What the window's counter holds, in buckets that still count. */
  async function countedIn({ windowKey }: Key) {
    const counts = (await redis.hgetall<Record<string, number>>(windowKeyOf(windowKey))) ?? {}
    const oldest = Math.floor(clock() / BUCKET_MS) - BUCKETS
    return sum(Object.entries(counts).flatMap(([bucket, units]) => (Number(bucket) >= oldest ? [units] : [])))
  }

  return {
    keys,
    take,
    flood,
    countedIn,
    report,
    settle,
    total: () => sum(keys.map(({ admitted }) => unitsOf(admitted))) + recorded.reported,
    counted,
  }
}

type Simulated = ReturnType<typeof begin>
type Time = ReturnType<typeof moveTime>

/** Never less than was admitted, nor more than that and what is lent. @returns what is lent */
async function checkCounters({ keys, counted, countedIn, total }: Simulated, mayBeLent = mostLent): Promise<number> {
  const lent = (await counted()) - total()
  expect(lent, 'lent of the quota').toBeGreaterThanOrEqual(0)
  expect(lent, 'lent of the quota').toBeLessThanOrEqual(sum(keys.map(mayBeLent)))
  for (const key of keys) {
    const inWindow = await countedIn(key)
    expect(inWindow, 'counted in the window').toBeGreaterThanOrEqual(mustCount(key, clock()))
    expect(inWindow, 'counted in the window').toBeLessThanOrEqual(mayCount(key, clock()) + mayBeLent(key))
  }
  return lent
}

/** Nobody is refused what would fit but for leases: while requests come at once, some are on their way back. */
function checkRefusals({ keys, total }: Simulated, { quota }: World, key: Key, refused: readonly Asked[]) {
  for (const { from, cost, outcome } of refused) {
    if (outcome === 'rate_limited')
      expect(mayCount(key, from) + 2 * mostLent(key) + cost, 'of the rate limit').toBeGreaterThan(key.limit)
    else expect(total() + 2 * sum(keys.map(mostLent)) + cost, 'of the quota').toBeGreaterThan(quota)
  }
}

const LIMITED = ['rate_limited', 'quota_exceeded'] as const

/** What happened in any of the histories. */
const seen = { lent: 0, rate_limited: 0, quota_exceeded: 0, rate_limited_while_lent: 0, stranded: 0, all_given_back: 0 }

function witness(lent: number, refused: readonly Asked[]) {
  const outcomes = LIMITED.filter((limited) => refused.some(({ outcome }) => outcome === limited))
  for (const outcome of outcomes) seen[outcome]++
  if (lent > 0) seen.lent++
  if (lent > 0 && outcomes.includes('rate_limited')) seen.rate_limited_while_lent++
}

/** Lets time go on, and looks at the counters whenever a bucket leaves the window. */
async function pass(simulated: Simulated, time: Time, until: number) {
  for (let edge = Math.ceil(clock() / BUCKET_MS) * BUCKET_MS; edge < until; edge += BUCKET_MS) {
    await time.until(edge)
    await checkCounters(simulated)
  }
  await time.until(until)
}

/** @returns those that are alive at its end */
async function live(simulated: Simulated, world: World, history: readonly Step[], time: Time) {
  const living = [...isolates]
  for (const { pauseMs, by, key: at, costs, floods, dies, ...more } of history) {
    await pass(simulated, time, time.planned() + pauseMs)
    if (more.reports > 0) await simulated.report(more.reports, more.raises + 1)
    if (more.reconciles) await simulated.settle()
    const isolate = living[by % living.length] as Isolate
    const key = simulated.keys[at] as Key
    const count = Math.min(MOST_AT_ONCE, Math.ceil((key.limit * world.load * pauseMs) / MINUTE))
    const burst = Array.from({ length: count }, (_, index) => costs[index % costs.length] ?? 1)
    const asked = await Promise.all(burst.map((cost) => simulated.take(isolate, key, cost)))
    if (floods) asked.push(...(await simulated.flood(isolate, key)))
    await time.idle()
    const refused = asked.filter(({ outcome }) => outcome !== 'admitted')
    checkRefusals(simulated, world, key, refused)
    witness(await checkCounters(simulated), refused)
    if (simulated.total() === world.quota) break // nobody gets anything any more
    if (dies && living.length > 1) living.splice(living.indexOf(isolate), 1)[0]?.die()
  }
  return living
}

/** When all leases are over: what nobody died with has gone back, and anybody may have all that is left. */
async function end(simulated: Simulated, { quota }: World, living: readonly Isolate[], time: Time) {
  await time.until(clock() + LEASE_MS)
  if (living.length < isolates.length) {
    seen.stranded += await checkCounters(simulated)
    for (let runs = 0; runs < 4; runs++) {
      await time.until(clock() + SETTLED_AFTER_MS)
      await simulated.settle()
    }
    expect(await simulated.counted(), 'counted once every lane was settled').toBe(simulated.total())
    return
  }
  seen.all_given_back++
  await checkCounters(simulated, () => 0)
  await pass(simulated, time, clock() + MINUTE + 2 * BUCKET_MS)
  for (const key of simulated.keys) {
    const refused = (await simulated.flood(first, key)).at(-1) as Asked
    await time.idle()
    const lent = await checkCounters(simulated)
    if (refused.outcome === 'quota_exceeded') expect(simulated.total() + lent).toBe(quota)
    else expect(mayCount(key, refused.from) + lent).toBeGreaterThanOrEqual(key.limit)
    await time.until(clock() + LEASE_MS)
    await checkCounters(simulated, () => 0)
  }
}

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('isolates that share two keys of one organization, with clocks that are half a minute wrong', () => {
  test('never admit more than a limit in any history, and less only by what is in leases or died with one', async () => {
    const property = fc.asyncProperty(worlds, histories, async (world, history) => {
      for (const isolate of isolates) isolate.revive()
      vi.spyOn(console, 'warn').mockImplementation(() => undefined) // what a dead one could not give back
      try {
        const time = moveTime(isolates)
        await time.until(Math.ceil(clock() / BUCKET_MS) * BUCKET_MS + world.phaseMs)
        const simulated = begin(world)
        const living = await live(simulated, world, history, time)
        await end(simulated, world, living, time)
        for (const { admitted, limit } of simulated.keys) expect(mostWithinWindow(admitted)).toBeLessThanOrEqual(limit)
        expect(simulated.total()).toBeLessThanOrEqual(world.quota)
      } finally {
        vi.useRealTimers()
      }
    })
    await fc.assert(property, { numRuns: 10, interruptAfterTimeLimit: 20_000, examples: EXAMPLES })
    expect(Object.entries(seen).filter(([, times]) => times === 0)).toEqual([])
  })
})
