/**
 * Random histories over several isolates with leases: what was really admitted, and when, is written down here and held
 * against the limits, and the counters of Redis against it. Time is moved for all, timers with it; each isolate's own
 * clock is wrong by up to half a minute, and any of them may die. A history happens at the times it says, so that one
 * that fails does so again.
 */
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { windowKeyOf } from '../../src/limits/admission.ts'
import { quotaKey } from '../../src/limits/claim.ts'
import { BUCKETS } from '../../src/limits/window.ts'
import { claimOf, type Isolate, moveTime, newIsolate } from '../support/isolate.ts'

const MINUTE = 60_000
const BUCKET_MS = MINUTE / BUCKETS
const SKEW_MS = 30_000
const LEASE_MS = 1_500
/** The part of what is left that one lease may have. */
const SHARE = 0.05
/** Times are read here and in Redis, to the millisecond. */
const CLOCK_MS = 20
/** Units return up to one bucket late, and count in the bucket of their lease's end though they be spent at its beginning. */
const LONGEST_MS = MINUTE + BUCKET_MS + LEASE_MS + CLOCK_MS
/** One after the other until it is refused: nothing is left then, and few requests were needed. */
const FLOOD = [64, 16, 4, 1]
const MOST_AT_ONCE = 40

const isolates: readonly [Isolate, ...Isolate[]] = [await newIsolate(), await newIsolate(), await newIsolate()]
const [first] = isolates
const clock = () => first.now()

interface World {
  readonly limits: readonly number[]
  readonly quota: number
  readonly skews: readonly number[]
  /** Of the minute's limit, what each key is asked for in a minute. */
  readonly load: number
  /** Where in a bucket the history begins, in milliseconds. */
  readonly phaseMs: number
}

interface Step {
  readonly pauseMs: number
  readonly by: number
  readonly key: number
  readonly costs: readonly number[]
  readonly floods: boolean
  readonly dies: boolean
}

const between = (min: number, max: number) => fc.integer({ min, max })
/** One in `times` is the rare one. */
const rarely = <T>(times: number, rare: fc.Arbitrary<T>, usual: fc.Arbitrary<T>) =>
  fc.oneof({ weight: times - 1, arbitrary: usual }, { weight: 1, arbitrary: rare })
const seldom = (times: number) => rarely(times, fc.constant(true), fc.constant(false))

const worlds: fc.Arbitrary<World> = fc.record({
  limits: fc.tuple(between(250, 1_500), between(250, 1_500)),
  quota: rarely(3, between(500, 2_000), between(2_000, 12_000)),
  skews: fc.tuple(...isolates.map(() => between(-SKEW_MS, SKEW_MS))),
  load: fc.double({ min: 2, max: 3, noNaN: true }),
  phaseMs: fc.nat(BUCKET_MS - 1),
})

const longPauses = fc.oneof(between(58_000, 62_500), between(4_000, 70_000))
const steps: fc.Arbitrary<Step> = fc.record({
  pauseMs: rarely(14, longPauses, fc.oneof(between(20, 1_500), between(20, 4_000))),
  by: rarely(3, fc.nat(isolates.length - 1), fc.constant(0)), // or it would seldom come back to its lease
  key: rarely(3, fc.constant(1), fc.constant(0)),
  costs: fc.array(rarely(60, between(4, 300), between(1, 3)), { minLength: 1, maxLength: MOST_AT_ONCE }),
  floods: seldom(8),
  dies: seldom(50),
})
const histories = fc.array(steps, { minLength: 20, maxLength: 50 })

const PLAIN = { key: 0, costs: [1], floods: false, dies: false }
const step = (pauseMs: number, by: number, more: Partial<Step> = {}): Step => ({ ...PLAIN, pauseMs, by, ...more })
const WORLD: World = { limits: [1_000, 600], quota: 5_000, skews: [SKEW_MS, 0, -SKEW_MS], load: 2.4, phaseMs: 0 }
const FLOODS = { floods: true }
/** Spends a lease in the bucket after the one it was taken in, and asks for all there is as soon as the first returns. */
const ACROSS_BUCKETS = [step(400, 0), step(1_500, 0), step(900, 0), step(20, 1, FLOODS), step(59_280, 1, FLOODS)]
const DYING = [step(300, 0), step(50, 0, { dies: true }), step(1_000, 1), step(1_000, 2), step(20, 1, FLOODS)]
const EXAMPLES: [World, Step[]][] = [
  [WORLD, ACROSS_BUCKETS],
  [{ ...WORLD, quota: 800 }, DYING],
]

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
  const { redis } = first.deps() // of its own: the first isolate may die
  const period = { name: 'simulated', start: 0, end: clock() + 1_000 * MINUTE }
  const keys = limits.map((limit): Key => ({ windowKey: crypto.randomUUID(), limit, admitted: [] }))
  for (const [at, isolate] of isolates.entries()) isolate.skew(skews[at] ?? 0)

  async function take(isolate: Isolate, key: Key, cost: number): Promise<Asked> {
    const from = clock()
    const { windowKey, limit } = key
    const claim = claimOf(isolate, { windowKey, limit, organizationId, period, quota, cost })
    const { outcome } = await isolate.takeLeased(claim)
    const asked = { from, to: clock(), cost, outcome }
    if (outcome === 'admitted') key.admitted.push(asked)
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
    total: () => sum(keys.map(({ admitted }) => unitsOf(admitted))),
    counted: async () => Number((await redis.hget(quotaKey(organizationId, period.name), 'api_calls')) ?? 0),
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
  for (const { pauseMs, by, key: at, costs, floods, dies } of history) {
    await pass(simulated, time, time.planned() + pauseMs)
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
