import { errorFields, log } from '../lib/log.ts'
import { createLru } from '../lib/lru.ts'
import {
  type Claim,
  type Decided,
  findNeverFitting,
  type MeterClaim,
  type MeterState,
  type QuotaClaim,
  quotaKey,
} from './claim.ts'
import { bucketOf, bucketThatMakesRoom, liveBuckets, readingOf } from './window.ts'

/** Units per bucket of each window, as far as this isolate knows: what Redis told it last, and what it admitted alone since. */
const windows = createLru<ReadonlyMap<number, number>>(10_000)
/** What a meter's counter last said. */
const meters = createLru<MeterState>(40_000)

/** The generation that a quota's counter was in last (limits/quota-script.ts). */
const generations = createLru<number>(10_000)

/** How often this isolate had to decide alone; logged with every entry so that an alert can look at its growth. */
let fallbacks = 0

const slotOf = ({ organizationId, period }: QuotaClaim, { meter }: MeterClaim) =>
  `${quotaKey(organizationId, period.name)}:${meter}`

/** Remembers what the counters of a quota said, as the last known figures for when Redis cannot be asked. */
export function rememberUsed(quota: QuotaClaim, states: readonly MeterState[]): void {
  for (const [at, meter] of quota.meters.entries()) meters.set(slotOf(quota, meter), states[at] ?? { used: 0, held: 0 })
}

/** The same of a decision that Redis made. Units of a window count from now on: when they were taken, nobody has told. */
export function rememberDecision(
  { windows: asked, quota, now }: Claim,
  { windows: readings, meters: states, generation }: Decided,
): void {
  for (const [at, { key, windowMs }] of asked.entries()) {
    const reading = readings[at]
    if (reading) windows.set(key, new Map([[bucketOf(now, windowMs), reading.limit - reading.remaining]]))
  }
  if (!quota) return
  rememberUsed(quota, states)
  if (generation !== undefined) generations.set(quotaKey(quota.organizationId, quota.period.name), generation)
}

/**
 * Decides a claim while Redis fails: the same rules, by what this isolate was told last and has admitted since. What is
 * admitted is still recorded, and carried to the counters when Redis is back (carry.ts).
 */
export function admitAlone(claim: Claim, error: unknown): Decided {
  fallbacks += 1
  log('warn', 'limiter_outage', { fallbacks, ...errorFields(error) })
  const costs = claim.windows.some(({ cost }) => cost > 0)
  const known = claim.quota?.meters.map((meter) => lastKnown(claim.quota as QuotaClaim, meter)) ?? []
  const reads = claim.windows.map((window) => readWindow(window, claim.now))
  const limited = reads.findIndex(({ awaited }) => awaited !== undefined)
  const full = costs ? (claim.quota?.meters.findIndex((meter, at) => isFull(meter, known[at])) ?? -1) : -1
  const decided = { asOf: claim.now, isAlone: true, windows: reads.map(({ reading }) => reading) } as const
  if (limited >= 0)
    return {
      outcome: 'rate_limited',
      refused: limited,
      meters: known,
      ...decided,
      ...findNeverFitting(claim, 'rate_limited'),
    }
  if (full >= 0)
    return {
      outcome: 'quota_exceeded',
      refused: full,
      meters: known,
      ...decided,
      ...findNeverFitting(claim, 'quota_exceeded'),
    }
  const after = known.map(({ used, held }, at) => ({ used: used + (claim.quota?.meters[at]?.amount ?? 0), held }))
  if (claim.quota) rememberUsed(claim.quota, after)
  const taken = reads.map((read) => read.take())
  return { outcome: 'admitted', refused: -1, meters: after, ...decided, windows: taken, ...lastGeneration(claim) }
}

/** The lane of its event is where the units are carried to. */
function lastGeneration({ quota }: Claim): { readonly generation?: number } {
  const generation = quota && generations.get(quotaKey(quota.organizationId, quota.period.name))
  return generation === undefined ? {} : { generation }
}

/** The figures that a meter's counter said last, or Postgres if those are higher. */
export function lastKnown(quota: QuotaClaim, meter: MeterClaim): MeterState {
  const { used = 0, held = 0 } = meters.get(slotOf(quota, meter)) ?? {}
  return { used: Math.max(used, quota.recorded[meter.meter] ?? 0), held }
}

function isFull({ amount, limit }: MeterClaim, state: MeterState | undefined): boolean {
  return limit !== null && (state?.used ?? 0) + (state?.held ?? 0) + Math.max(amount, 1) > limit
}

function readWindow(window: Claim['windows'][number], now: number) {
  const live = liveBuckets(windows.get(window.key) ?? new Map(), now, window.windowMs)
  const taken = live.reduce((sum, [, units]) => sum + units, 0)
  const current = bucketOf(now, window.windowMs)
  const awaited = bucketThatMakesRoom(live, window.cost, window.limit, current)
  return {
    awaited,
    reading: readingOf(window, taken, awaited ?? current),
    take() {
      const counts = new Map(live)
      if (window.cost > 0) counts.set(current, (counts.get(current) ?? 0) + window.cost) // nothing taken leaves no bucket
      windows.set(window.key, counts)
      return readingOf(window, taken + window.cost, current)
    },
  }
}
