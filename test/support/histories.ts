/** Random histories of three isolates that share two keys of one organization (test/isolates/limits/simulation.test.ts). */
import fc from 'fast-check'
import { BUCKETS } from '../../src/limits/window.ts'

export const MINUTE = 60_000
export const BUCKET_MS = MINUTE / BUCKETS
export const MOST_AT_ONCE = 40
const SKEW_MS = 30_000

export interface World {
  readonly limits: readonly number[]
  readonly quota: number
  readonly skews: readonly number[]
  /** The demand per key and minute, as a part of the minute's limit. */
  readonly load: number
  /** Whether Redis ever fails. */
  readonly isTroubled: boolean
  /** Where in a bucket the history begins, in milliseconds. */
  readonly phaseMs: number
}

/** Units that are held for a while. */
export interface Hold {
  readonly units: number
  readonly ms: number
}

/** One of the unsettled holds, the used part of it (0 cancels it), and how many concurrent settlements it gets. */
export interface Settlement {
  readonly which: number
  readonly part: number
  readonly times: number
}

export interface Step {
  readonly pauseMs: number
  readonly by: number
  readonly key: number
  readonly costs: readonly number[]
  readonly floods: boolean
  readonly dies: boolean
  /** Calls that are reported, and how often at once the counters are raised to them. */
  readonly reports: number
  readonly raises: number
  readonly reconciles: boolean
  readonly hold: Hold | undefined
  readonly settlement: Settlement | undefined
  /** The fate of requests to Redis meanwhile: refused; run, with lost responses; run after nobody waits any more. */
  readonly trouble: 'refuse' | 'lose' | 'late' | undefined
  /**
   * What becomes of writes to Postgres meanwhile, all of which wait in the spool for another try: not done; done, and their
   * answers lost; done when the next step begins.
   */
  readonly postgres: 'away' | 'lose' | 'late' | undefined
  readonly drains: boolean
}

const between = (min: number, max: number) => fc.integer({ min, max })
/** One in `times` is the rare case. */
const rarely = <T>(times: number, rare: fc.Arbitrary<T>, usual: fc.Arbitrary<T>) =>
  fc.oneof({ weight: times - 1, arbitrary: usual }, { weight: 1, arbitrary: rare })
const seldom = (times: number) => rarely(times, fc.constant(true), fc.constant(false))

export const worlds: fc.Arbitrary<World> = fc.record({
  limits: fc.tuple(between(250, 1_500), between(250, 1_500)),
  quota: rarely(3, between(500, 2_000), between(2_000, 12_000)),
  skews: fc.tuple(between(-SKEW_MS, SKEW_MS), between(-SKEW_MS, SKEW_MS), between(-SKEW_MS, SKEW_MS)),
  load: fc.double({ min: 2, max: 3, noNaN: true }),
  isTroubled: seldom(3),
  phaseMs: fc.nat(BUCKET_MS - 1),
})

const holds: fc.Arbitrary<Hold> = fc.record({
  units: between(1, 600),
  ms: rarely(3, between(4_000, 30_000), between(500, 4_000)),
})
const settlements: fc.Arbitrary<Settlement> = fc.record({
  which: fc.nat(5),
  part: fc.constantFrom(0, 0.4, 0.8, 1, 1.2),
  times: between(1, 2),
})

const longPauses = fc.oneof(between(58_000, 62_500), between(4_000, 70_000))
const steps: fc.Arbitrary<Step> = fc.record({
  pauseMs: rarely(14, longPauses, fc.oneof(between(20, 1_500), between(20, 4_000))),
  by: rarely(3, fc.nat(2), fc.constant(0)), // or it would seldom come back to its lease
  key: rarely(3, fc.constant(1), fc.constant(0)),
  costs: fc.array(rarely(60, between(4, 300), between(1, 3)), { minLength: 1, maxLength: MOST_AT_ONCE }),
  floods: seldom(8),
  dies: seldom(50),
  reports: rarely(3, between(1, 30), fc.constant(0)),
  raises: between(0, 2),
  reconciles: seldom(3),
  hold: rarely(4, holds, fc.constant(undefined)),
  settlement: rarely(4, settlements, fc.constant(undefined)),
  trouble: rarely(4, fc.constantFrom('refuse', 'lose', 'late'), fc.constant(undefined)),
  postgres: rarely(4, fc.constantFrom('away', 'lose', 'late'), fc.constant(undefined)),
  drains: seldom(6),
})
export const histories = fc.array(steps, { minLength: 20, maxLength: 50 })

const PLAIN = {
  key: 0,
  costs: [1],
  floods: false,
  dies: false,
  reports: 0,
  raises: 0,
  reconciles: false,
  hold: undefined,
  settlement: undefined,
  trouble: undefined,
  postgres: undefined,
  drains: false,
}
const step = (pauseMs: number, by: number, more: Partial<Step> = {}): Step => ({ ...PLAIN, pauseMs, by, ...more })
const WORLD: World = {
  limits: [1_000, 600],
  quota: 5_000,
  skews: [SKEW_MS, 0, -SKEW_MS],
  load: 2.4,
  isTroubled: false,
  phaseMs: 0,
}
const FLOODS = { floods: true }
/** Spends a lease in the bucket after its own, and requests everything as soon as the first units return. */
const ACROSS_BUCKETS = [step(400, 0), step(1_500, 0), step(900, 0), step(20, 1, FLOODS), step(59_280, 1, FLOODS)]
const DYING = [step(300, 0), step(50, 0, { dies: true }), step(1_000, 1), step(1_000, 2), step(20, 1, FLOODS)]
/** One of two holds is settled in time and one after it expired; a third is left to expire while the rest is consumed. */
const HOLDING = [
  step(300, 0, { hold: { units: 200, ms: 30_000 } }),
  step(300, 1, { hold: { units: 100, ms: 500 } }),
  step(300, 0, { settlement: { which: 0, part: 0.4, times: 2 } }),
  step(900, 1, { settlement: { which: 0, part: 1, times: 1 } }),
  step(300, 1, { hold: { units: 90, ms: 10_000 } }),
  step(300, 0, { hold: { units: 50, ms: 10_000 } }),
  step(20, 2, FLOODS),
  step(300, 1, { settlement: { which: 1, part: 0, times: 2 } }),
  step(10_000, 1, FLOODS),
]
/** Two isolates decide locally, one up to its limit, and learn of each other when Redis is back. */
const TROUBLED = [
  step(300, 0),
  step(300, 1),
  step(300, 0, { trouble: 'lose' }),
  step(300, 1, { trouble: 'refuse', floods: true }),
  step(300, 0),
  step(300, 1),
  step(20, 2, FLOODS),
]
/** Generations end while the calls of the first wait in the spool, some of them admitted locally. */
const SPOOLED = [
  step(300, 0),
  step(300, 0, { postgres: 'away' }),
  step(300, 1, { postgres: 'away', trouble: 'refuse' }),
  step(3_000, 2, { reconciles: true }),
  step(92_000, 0, { reconciles: true }),
  step(92_000, 0, { reconciles: true }),
  step(300, 0, { drains: true }),
  step(20, 2, FLOODS),
]
/** Abandoned requests run all the same, some after they were retried. */
const LATE = [
  step(300, 0),
  step(300, 0, { trouble: 'late', postgres: 'lose' }),
  step(300, 1, { trouble: 'late', postgres: 'late', floods: true }),
  step(300, 2, { postgres: 'late' }),
  step(3_000, 0, { drains: true, reconciles: true }),
  step(92_000, 1, { reconciles: true }),
  step(20, 2, FLOODS),
]
/** The hold made last expires first. */
const EXPIRING = [
  step(300, 0, { hold: { units: 200, ms: 30_000 } }),
  step(300, 1, { hold: { units: 100, ms: 500 } }),
  step(900, 2, FLOODS),
]
/** Nearly all is held: there is no room for another hold, nor for a lease. */
const FULL = [
  step(300, 0, { hold: { units: 500, ms: 30_000 } }),
  step(300, 1, { hold: { units: 500, ms: 30_000 } }),
  ...[0, 0, 0, 0, 0].map((by) => step(300, by)),
]
/** One isolate is busy all the time, and so always has a lease. */
const BUSY = Array.from({ length: 16 }, () => step(200, 1, { costs: [1, 2, 1, 1, 2, 1, 1, 1] }))
export const EXAMPLES: [World, Step[]][] = [
  [WORLD, BUSY],
  [WORLD, ACROSS_BUCKETS],
  [{ ...WORLD, quota: 800 }, DYING],
  [{ ...WORLD, quota: 600 }, HOLDING],
  [{ ...WORLD, quota: 600 }, EXPIRING],
  [{ ...WORLD, quota: 600 }, FULL],
  [{ ...WORLD, isTroubled: true, quota: 900 }, TROUBLED],
  [{ ...WORLD, isTroubled: true, quota: 900 }, SPOOLED],
  [{ ...WORLD, isTroubled: true, quota: 900 }, LATE],
]
