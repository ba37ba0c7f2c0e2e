/**
 * What this isolate knows of the counters of Redis, for local decisions: the last state received from Redis, the units that the
 * isolate admitted locally and has not carried yet, and the units of requests in flight.
 *
 * The three are kept apart. A response replaces the received state and must not erase local admissions made
 * in the meantime, and requests in flight may be granted. So the sum of what Redis grants and what the isolate grants locally
 * stays within a limit, as far as this isolate is concerned.
 */
import { createLru } from '../../lib/lru.ts'
import { sumHeldLocally } from '../holds/own.ts'
import {
  type LimitDecision,
  type LimitRequest,
  type MeterRequest,
  type MeterState,
  type QuotaRequest,
  quotaKey,
  type Recorded,
} from '../limit-request.ts'
import { indexBucket } from '../window.ts'
import type { TakenUnits } from './local-units.ts'

type Counts = ReadonlyMap<number, number>

/**
 * The state received from Redis. `number` is that of the newest request sent before it: responses to requests up to it
 * may be older. `isCarried`: units were carried since then, and such a response may not include them.
 */
export interface ReceivedState {
  readonly number: number
  readonly isCarried: boolean
}

const receivedWindows = createLru<ReceivedState & { readonly counts: Counts }>(10_000)
const receivedMeters = createLru<ReceivedState & { readonly state: MeterState }>(40_000)
/** Admitted locally and not carried yet, by window and bucket, and by meter. */
const localWindows = createLru<Counts>(10_000)
const localMeters = createLru<number>(40_000)
/** Units of requests that Redis has not answered yet, by window or meter. */
const inFlight = new Map<string, number>()
/** The last known generation of a quota's counter (limits/scripts/quota.ts). */
const generations = createLru<number>(10_000)

let lastNumber = 0

/** The number of the latest request that was sent. */
export const findLastNumber = (): number => lastNumber

const toSlot = ({ organizationId, period }: QuotaRequest, { meter }: MeterRequest) =>
  `${quotaKey(organizationId, period.name)}:${meter}`

/** @returns units by window key and meter slot */
export function listUnits({
  windows,
  quota,
  counters,
}: Pick<LimitRequest, 'quota' | 'counters'> & { readonly windows?: LimitRequest['windows'] }) {
  const ofWindows = [...(windows ?? []), ...(counters ?? [])].map(({ key, cost }) => [key, cost] as const)
  return [
    ...ofWindows,
    ...(quota?.meters ?? []).map((meter) => [toSlot(quota as QuotaRequest, meter), meter.amount] as const),
  ]
}

/** Units of requests that Redis has not answered yet. */
export const countInFlight = (slot: string): number => inFlight.get(slot) ?? 0

/** A request in flight to Redis. */
export interface Sent {
  readonly number: number
  /** Its response has arrived, or never will. */
  end(): void
}

export function trackSent(request: Parameters<typeof listUnits>[0]): Sent {
  const units = listUnits(request)
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
 * Stores the state of a quota's counters. If responses overtook each other, the largest figure counts. If units were
 * carried in the meantime, the request's own units are added: the sum may be too high, never too low.
 */
export function rememberMeters(quota: QuotaRequest, states: readonly MeterState[], sent: Sent): void {
  for (const [at, meter] of quota.meters.entries()) {
    const [slot, state] = [toSlot(quota, meter), states[at]]
    if (!state) continue
    const received = receivedMeters.get(slot)
    const used =
      received && !isNewer(sent, received)
        ? latest(received, received.state.used, state.used, meter.amount)
        : state.used
    receivedMeters.set(slot, { state: { ...state, used }, ...toReceived(sent, received) })
  }
}

/**
 * The same for a decision that Redis made. Units of a window count from now on, because Redis does not say when they
 * were taken.
 */
export function rememberDecision({ windows, quota, now }: LimitRequest, decided: LimitDecision, sent: Sent): void {
  for (const [at, { key, windowMs, cost }] of windows.entries()) {
    const [reading, received] = [decided.windows[at], receivedWindows.get(key)]
    if (!reading) continue
    const taken = reading.limit - reading.remaining
    const known =
      received && !isNewer(sent, received) ? latest(received, sumCounts(received.counts), taken, cost) : taken
    receivedWindows.set(key, { counts: new Map([[indexBucket(now, windowMs), known]]), ...toReceived(sent, received) })
  }
  if (!quota) return
  rememberMeters(quota, decided.meters, sent)
  if (decided.generation !== undefined)
    generations.set(quotaKey(quota.organizationId, quota.period.name), decided.generation)
}

export const isNewer = (sent: Sent, received: ReceivedState) => sent.number > received.number

export const latest = (received: ReceivedState, known: number, answered: number, amount: number) =>
  Math.max(answered, received.isCarried ? known + amount : known)

export const toReceived = (sent: Sent, received: ReceivedState | undefined): ReceivedState => ({
  number: lastNumber,
  isCarried: received !== undefined && received.isCarried && !isNewer(sent, received),
})

const sumCounts = (counts: Counts) => [...counts.values()].reduce((sum, units) => sum + units, 0)

/** Stores a local admission, until {@link markCarried}. */
export function rememberLocally({ windows, quota, now }: LimitRequest): void {
  for (const { key, windowMs, cost } of windows) {
    if (cost > 0) localWindows.set(key, addTo(localWindows.get(key), indexBucket(now, windowMs), cost))
  }
  for (const meter of quota?.meters ?? []) if (meter.amount > 0) rememberLocalUnits(quota as QuotaRequest, meter)
}

function rememberLocalUnits(quota: QuotaRequest, meter: MeterRequest): void {
  const slot = toSlot(quota, meter)
  raiseBase(slot, quota.recorded[meter.meter] ?? 0)
  localMeters.set(slot, (localMeters.get(slot) ?? 0) + meter.amount)
}

/** If Postgres is ahead, its figure minus the local units becomes the known usage: it may include some of them. */
function raiseBase(slot: string, recorded: number): void {
  const received = receivedMeters.get(slot)
  const { used, held } = received?.state ?? { used: 0, held: 0 }
  const base = Math.max(used, recorded - (localMeters.get(slot) ?? 0))
  receivedMeters.set(slot, { number: 0, isCarried: false, ...received, state: { used: base, held } })
}

/** Redis now has local admissions. */
export function markCarried({ windows, quota, now }: TakenUnits): void {
  const carried = { number: lastNumber, isCarried: true }
  for (const { key, windowMs, cost } of windows) {
    if (cost === 0) continue
    localWindows.set(key, takeOldest(localWindows.get(key), cost))
    const counts = addTo(receivedWindows.get(key)?.counts, indexBucket(now, windowMs), cost)
    receivedWindows.set(key, { ...carried, counts })
  }
  for (const meter of quota?.meters ?? []) {
    const slot = toSlot(quota as QuotaRequest, meter)
    const { used, held } = receivedMeters.get(slot)?.state ?? { used: 0, held: 0 }
    localMeters.set(slot, Math.max(0, (localMeters.get(slot) ?? 0) - meter.amount))
    receivedMeters.set(slot, { ...carried, state: { used: used + meter.amount, held } })
  }
}

/** A hold ended that Redis has not released yet. @param slot of a meter */
export function lowerHeld(slot: string, units: number): void {
  const known = receivedMeters.get(slot)
  if (known)
    receivedMeters.set(slot, { ...known, state: { ...known.state, held: Math.max(0, known.state.held - units) } })
}

/** Postgres has reported the usage of a period. It may include units that were admitted locally. */
export function rememberRecorded(organizationId: string, period: string, recorded: Recorded): void {
  for (const [meter, units] of Object.entries(recorded)) {
    if (typeof units === 'number') raiseBase(`${quotaKey(organizationId, period)}:${meter}`, units)
  }
}

/** The used and held units of a meter, as far as this isolate knows. The usage is that of Postgres if that is higher. */
export function findMeter(quota: QuotaRequest, meter: MeterRequest, now: number): MeterState {
  const slot = toSlot(quota, meter)
  const { used = 0, held = 0 } = receivedMeters.get(slot)?.state ?? {}
  const local = localMeters.get(slot) ?? 0
  return {
    used: Math.max(used + local, quota.recorded[meter.meter] ?? 0) + (inFlight.get(slot) ?? 0),
    held: held + sumHeldLocally(slot, now),
  }
}

/** Units per bucket of a window, as far as this isolate knows. */
export function findWindow(key: string, currentBucket: number): Counts {
  let counts = receivedWindows.get(key)?.counts ?? new Map<number, number>()
  for (const [bucket, units] of localWindows.get(key) ?? []) counts = addTo(counts, bucket, units)
  const sent = inFlight.get(key)
  return sent ? addTo(counts, currentBucket, sent) : counts
}

/** For windows that are reset. */
export function forgetWindows(keys: readonly string[]): void {
  for (const windows of [receivedWindows, localWindows]) for (const key of keys) windows.delete(key)
}

export const findGeneration = ({ organizationId, period }: QuotaRequest): number | undefined =>
  generations.get(quotaKey(organizationId, period.name))

/** Units are carried in the order of their admission, several buckets together. */
function takeOldest(counts: Counts | undefined, units: number): Counts {
  let left = units
  const kept = new Map<number, number>()
  for (const [bucket, known] of [...(counts ?? [])].toSorted(([a], [b]) => a - b)) {
    const taken = Math.min(known, left)
    left -= taken
    if (known > taken) kept.set(bucket, known - taken)
  }
  return kept
}

function addTo(counts: Counts | undefined, bucket: number, units: number): Counts {
  const sums = new Map(counts)
  const sum = (sums.get(bucket) ?? 0) + units
  if (sum > 0) sums.set(bucket, sum)
  else sums.delete(bucket)
  return sums
}
