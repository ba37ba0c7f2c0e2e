/** Random histories of one organization over both stores, most of them across a month's end (test/isolates/metering/simulation.test.ts). */
import fc from 'fast-check'
import { FAULTS, type StoreFault } from './store-faults.ts'

const SKEW_MS = 30_000

export interface World {
  readonly ratePerMinute: number
  readonly quota: number
  readonly tokens: number
  readonly skews: readonly number[]
  /** How long before the end of the month the history begins. */
  readonly beforeEndMs: number
  /** Whether a store ever fails, or an isolate dies. */
  readonly isTroubled: boolean
}

/** One of the open reservations, the used part of it (0 cancels it), and how many concurrent settlements it gets. */
export interface Settlement {
  readonly which: number
  readonly part: number
  readonly times: number
}

export interface Step {
  readonly pauseMs: number
  readonly by: number
  /** Concurrent verifications. */
  readonly costs: readonly number[]
  readonly reserve: { readonly tokens: number; readonly seconds: number } | undefined
  readonly settlement: Settlement | undefined
  /** Calls that are reported, twice at once where somebody is not sure. */
  readonly report: { readonly calls: number; readonly times: number } | undefined
  readonly drains: boolean
  readonly reconciles: boolean
  readonly faults: readonly StoreFault[]
  /** Whether late requests arrive before anything else of this step, or after all of it. */
  readonly isLaterStill: boolean
  readonly dies: boolean
}

const between = (min: number, max: number) => fc.integer({ min, max })
const rarely = <T>(times: number, rare: fc.Arbitrary<T>, usual: fc.Arbitrary<T>) =>
  fc.oneof({ weight: times - 1, arbitrary: usual }, { weight: 1, arbitrary: rare })
const seldom = (times: number) => rarely(times, fc.constant(true), fc.constant(false))
const perhaps = <T>(times: number, value: fc.Arbitrary<T>) => rarely(times, value, fc.constant(undefined))

const skew = between(-SKEW_MS, SKEW_MS)
export const worlds: fc.Arbitrary<World> = fc.record({
  ratePerMinute: between(400, 1_500),
  quota: rarely(3, between(100, 300), between(300, 3_000)),
  tokens: between(500, 5_000),
  skews: fc.tuple(skew, skew, skew),
  beforeEndMs: between(2_000, 40_000),
  isTroubled: rarely(3, fc.constant(false), fc.constant(true)),
})

const fault: fc.Arbitrary<StoreFault> = fc.record({
  door: fc.constantFrom('/sql', '/redis'),
  how: fc.constantFrom(...FAULTS),
  every: between(1, 3),
})

const steps: fc.Arbitrary<Step> = fc.record({
  pauseMs: rarely(12, between(10_000, 40_000), fc.oneof(between(20, 1_000), between(20, 4_000))),
  by: rarely(3, fc.nat(2), fc.constant(0)), // or it would seldom come back to its lease
  costs: fc.array(between(1, 4), { maxLength: 9 }),
  reserve: perhaps(3, fc.record({ tokens: between(1, 900), seconds: between(1, 60) })),
  settlement: perhaps(3, fc.record({ which: fc.nat(5), part: fc.constantFrom(0, 0.4, 1, 1.2), times: between(1, 2) })),
  report: perhaps(5, fc.record({ calls: between(1, 20), times: between(1, 2) })),
  drains: seldom(5),
  reconciles: seldom(5),
  faults: perhaps(3, fc.array(fault, { minLength: 1, maxLength: 2 })).map((faults) => faults ?? []),
  isLaterStill: fc.boolean(),
  dies: seldom(30),
})
export const histories = fc.array(steps, { minLength: 12, maxLength: 25 })

const PLAIN: Step = {
  pauseMs: 300,
  by: 0,
  costs: [1],
  reserve: undefined,
  settlement: undefined,
  report: undefined,
  drains: false,
  reconciles: false,
  faults: [],
  isLaterStill: false,
  dies: false,
}
const step = (more: Partial<Step>): Step => ({ ...PLAIN, ...more })
const WORLD: World = {
  ratePerMinute: 1_000,
  quota: 1_000,
  tokens: 1_000,
  skews: [0, 0, 0],
  beforeEndMs: 2_000,
  isTroubled: false,
}
const BUSY = Array.from({ length: 9 }, () => 1)
const SLOW = [{ door: '/redis', how: 'slow', every: 1 }] as const
const faulty = (door: StoreFault['door'], how: StoreFault['how']) => [{ door, how, every: 1 }]

/** A lease and a hold are out when the month ends, and a request is in transit. */
const ACROSS = [
  step({ costs: BUSY }),
  step({ costs: BUSY, reserve: { tokens: 300, seconds: 60 } }),
  step({ pauseMs: 1_300, costs: BUSY, faults: SLOW }),
  step({ pauseMs: 200, costs: BUSY }),
  step({ settlement: { which: 0, part: 0.4, times: 2 } }),
  step({ pauseMs: 4_000, costs: BUSY }),
]
/** One of two isolates is already in the new month: each settles what the other has reserved. */
const SKEWED = [
  step({ costs: BUSY, reserve: { tokens: 100, seconds: 60 } }),
  step({ by: 1, costs: BUSY, reserve: { tokens: 100, seconds: 60 } }),
  step({ by: 1, settlement: { which: 0, part: 1, times: 1 } }),
  step({ by: 0, settlement: { which: 0, part: 1, times: 2 } }),
  step({ pauseMs: 30_000, costs: BUSY }),
]
/** Writes whose response was lost are repeated, before and after the end of the month. */
const LOST = [
  step({ costs: BUSY }),
  step({ costs: BUSY, report: { calls: 7, times: 1 }, faults: faulty('/sql', 'lose') }),
  step({ costs: BUSY, reserve: { tokens: 100, seconds: 60 }, faults: faulty('/redis', 'lose') }),
  step({ costs: BUSY, settlement: { which: 0, part: 1, times: 1 }, faults: faulty('/sql', 'late') }),
  step({ pauseMs: 2_000, costs: BUSY, drains: true, isLaterStill: true }),
  step({ costs: BUSY, faults: faulty('/redis', 'late') }),
  step({ costs: BUSY, drains: true, reconciles: true, faults: faulty('/redis', 'lose') }),
  step({ costs: BUSY, dies: true }),
  step({ by: 1, costs: BUSY, drains: true }),
]
export const EXAMPLES: [World, Step[]][] = [
  [WORLD, ACROSS],
  [{ ...WORLD, skews: [15_000, -15_000, 0], beforeEndMs: 10_000 }, SKEWED],
  [{ ...WORLD, isTroubled: true }, LOST],
]
