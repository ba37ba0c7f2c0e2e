/**
 * What this isolate knows of the counters of Redis, for when it has to decide alone: what Redis told it last, what it has
 * admitted alone and Redis does not hold yet, and what it has asked for and has no answer to.
 *
 * The three are kept apart. An answer replaces what was told, and must not wipe out what was admitted alone meanwhile; and
 * what is in flight may be granted. So the sum of what Redis grants and what the isolate grants alone stays within a limit,
 * as far as this isolate is concerned.
 */
import { createLru } from '../lib/lru.ts'
import {
  type LimitDecision,
  type LimitRequest,
  type MeterRequest,
  type MeterState,
  type QuotaRequest,
  quotaKey,
} from './limit-request.ts'
import { indexBucket } from './window.ts'

type Counts = ReadonlyMap<number, number>

/**
 * What Redis told. `number` is that of the newest claim that was sent before: answers to claims up to it may be older.
 * `isCarried`: units were added since that such an answer need not know.
 */
interface ReceivedState {
  readonly number: number
  readonly isCarried: boolean
}

const toldWindows = createLru<ReceivedState & { readonly counts: Counts }>(10_000)
const toldMeters = createLru<ReceivedState & { readonly state: MeterState }>(40_000)
/** Admitted alone and not carried yet: by window and bucket, and by meter. */
const aloneWindows = createLru<Counts>(10_000)
const aloneMeters = createLru<number>(40_000)
/** Units of claims that Redis has not answered yet, by window or meter. */
const inFlight = new Map<string, number>()
/** Held alone: no other isolate knows of these, and they end by themselves. */
const aloneHolds = createLru<readonly { readonly until: number; readonly amount: number }[]>(10_000)
/** The generation that a quota's counter was in last (limits/quota-script.ts). */
const generations = createLru<number>(10_000)

let lastNumber = 0

const toSlot = ({ organizationId, period }: QuotaRequest, { meter }: MeterRequest) =>
  `${quotaKey(organizationId, period.name)}:${meter}`

/** @returns units by window key and meter slot */
function listUnits({ windows, quota }: Pick<LimitRequest, 'quota'> & { readonly windows?: LimitRequest['windows'] }) {
  const ofWindows = (windows ?? []).map(({ key, cost }) => [key, cost] as const)
  return [
    ...ofWindows,
    ...(quota?.meters ?? []).map((meter) => [toSlot(quota as QuotaRequest, meter), meter.amount] as const),
  ]
}

/** A claim on its way to Redis. */
export interface Sent {
  readonly number: number
  /** Its answer has come, or never will. */
  end(): void
}

export function trackSent(claim: Parameters<typeof listUnits>[0]): Sent {
  const units = listUnits(claim)
  const add = (sign: 1 | -1) => {
    for (const [slot, amount] of units) {
      const rest = (inFlight.get(slot) ?? 0) + sign * amount
      if (rest > 0) inFlight.set(slot, rest)
      else inFlight.delete(slot)
    }
  }
  add(1)
  let isOpen = true
  return {
    number: ++lastNumber,
    end() {
      if (isOpen) add(-1)
      isOpen = false
    },
  }
}

/**
 * Remembers what the counters of a quota said. Of answers that overtook each other the largest counts, and to what was
 * carried meanwhile the units of the claim are added: rather too much than too little.
 */
export function rememberMeters(quota: QuotaRequest, states: readonly MeterState[], sent: Sent): void {
  for (const [at, meter] of quota.meters.entries()) {
    const [slot, state] = [toSlot(quota, meter), states[at]]
    if (!state) continue
    const told = toldMeters.get(slot)
    const used = told && !isNewer(sent, told) ? latest(told, told.state.used, state.used, meter.amount) : state.used
    toldMeters.set(slot, { state: { ...state, used }, ...toReceived(sent, told) })
  }
}

/** The same of a decision that Redis made. Units of a window count from now on: when they were taken, nobody has told. */
export function rememberDecision({ windows, quota, now }: LimitRequest, decided: LimitDecision, sent: Sent): void {
  for (const [at, { key, windowMs, cost }] of windows.entries()) {
    const [reading, told] = [decided.windows[at], toldWindows.get(key)]
    if (!reading) continue
    const taken = reading.limit - reading.remaining
    const known = told && !isNewer(sent, told) ? latest(told, sumCounts(told.counts), taken, cost) : taken
    toldWindows.set(key, { counts: new Map([[indexBucket(now, windowMs), known]]), ...toReceived(sent, told) })
  }
  if (!quota) return
  rememberMeters(quota, decided.meters, sent)
  if (decided.generation !== undefined)
    generations.set(quotaKey(quota.organizationId, quota.period.name), decided.generation)
}

const isNewer = (sent: Sent, told: ReceivedState) => sent.number > told.number

const latest = (told: ReceivedState, known: number, answered: number, amount: number) =>
  Math.max(answered, told.isCarried ? known + amount : known)

const toReceived = (sent: Sent, told: ReceivedState | undefined): ReceivedState => ({
  number: lastNumber,
  isCarried: told !== undefined && told.isCarried && !isNewer(sent, told),
})

const sumCounts = (counts: Counts) => [...counts.values()].reduce((sum, units) => sum + units, 0)

/** Remembers what was admitted alone, until {@link markCarried}. */
export function rememberAlone({ windows, quota, now }: LimitRequest): void {
  for (const { key, windowMs, cost } of windows) {
    if (cost > 0) aloneWindows.set(key, addTo(aloneWindows.get(key), indexBucket(now, windowMs), cost))
  }
  for (const meter of quota?.meters ?? []) if (meter.amount > 0) rememberLocalUnits(quota as QuotaRequest, meter)
}

/** What Postgres said becomes the basis where it is ahead: it may hold some of what was admitted alone before. */
function rememberLocalUnits(quota: QuotaRequest, meter: MeterRequest): void {
  const slot = toSlot(quota, meter)
  const [alone, told] = [aloneMeters.get(slot) ?? 0, toldMeters.get(slot)]
  const { used, held } = told?.state ?? { used: 0, held: 0 }
  const basis = Math.max(used, (quota.recorded[meter.meter] ?? 0) - alone)
  aloneMeters.set(slot, alone + meter.amount)
  toldMeters.set(slot, { number: 0, isCarried: false, ...told, state: { used: basis, held } })
}

/** Redis holds now what was admitted alone. */
export function markCarried({ windows, quota, now }: LimitRequest): void {
  const carried = { number: lastNumber, isCarried: true }
  for (const { key, windowMs, cost } of windows) {
    if (cost === 0) continue
    const bucket = indexBucket(now, windowMs)
    aloneWindows.set(key, addTo(aloneWindows.get(key), bucket, -cost))
    toldWindows.set(key, { ...carried, counts: addTo(toldWindows.get(key)?.counts, bucket, cost) })
  }
  for (const meter of quota?.meters ?? []) {
    const slot = toSlot(quota as QuotaRequest, meter)
    const { used, held } = toldMeters.get(slot)?.state ?? { used: 0, held: 0 }
    aloneMeters.set(slot, Math.max(0, (aloneMeters.get(slot) ?? 0) - meter.amount))
    toldMeters.set(slot, { ...carried, state: { used: used + meter.amount, held } })
  }
}

/** Remembers units that were held alone. @param until Unix milliseconds */
export function rememberHeld(quota: QuotaRequest, until: number, now: number): void {
  for (const meter of quota.meters) {
    const slot = toSlot(quota, meter)
    const open = (aloneHolds.get(slot) ?? []).filter((hold) => hold.until > now)
    aloneHolds.set(slot, [...open, { until, amount: meter.amount }])
  }
}

/** What a meter has used and held, as far as this isolate knows; as used, what Postgres says if that is higher. */
export function findMeter(quota: QuotaRequest, meter: MeterRequest, now: number): MeterState {
  const slot = toSlot(quota, meter)
  const { used = 0, held = 0 } = toldMeters.get(slot)?.state ?? {}
  const alone = aloneMeters.get(slot) ?? 0
  const heldAlone = (aloneHolds.get(slot) ?? []).reduce((sum, { until, amount }) => sum + (until > now ? amount : 0), 0)
  return {
    used: Math.max(used + alone, quota.recorded[meter.meter] ?? 0) + (inFlight.get(slot) ?? 0),
    held: held + heldAlone,
  }
}

/** Units per bucket of a window, as far as this isolate knows. */
export function findWindow(key: string, currentBucket: number): Counts {
  let counts = toldWindows.get(key)?.counts ?? new Map<number, number>()
  for (const [bucket, units] of aloneWindows.get(key) ?? []) counts = addTo(counts, bucket, units)
  const sent = inFlight.get(key)
  return sent ? addTo(counts, currentBucket, sent) : counts
}

/** Of windows that are given back to whom they counted. */
export function forgetWindows(keys: readonly string[]): void {
  for (const windows of [toldWindows, aloneWindows]) for (const key of keys) windows.delete(key)
}

export const findGeneration = ({ organizationId, period }: QuotaRequest): number | undefined =>
  generations.get(quotaKey(organizationId, period.name))

function addTo(counts: Counts | undefined, bucket: number, units: number): Counts {
  const sums = new Map(counts)
  const sum = (sums.get(bucket) ?? 0) + units
  if (sum > 0) sums.set(bucket, sum)
  else sums.delete(bucket)
  return sums
}
