/**
 * What this isolate knows of counters (limits/counter.ts), by the rules of limits/outage/known.ts: the state received from
 * Redis, and the units it has admitted and held locally since.
 */
import { createLru } from '../../lib/lru.ts'
import type { CounterRequest, CounterState } from '../counter.ts'
import { sumHeldLocally } from '../holds/own.ts'
import { countInFlight, findLastNumber, isNewer, latest, type ReceivedState, type Sent, toReceived } from './known.ts'

interface Received extends ReceivedState {
  readonly used: number
  readonly held: number
  /** Unix milliseconds. */
  readonly at: number
}

const received = createLru<Received>(10_000)
/** Admitted locally and not carried yet. */
const local = createLru<{ readonly units: number; readonly at: number }>(10_000)

/** Units of a rolling window count for its length from when the isolate learned of them. */
const isOver = ({ windowMs }: CounterRequest, at: number, now: number) => windowMs !== undefined && now - at > windowMs

interface Answer {
  readonly counters: readonly CounterRequest[] | undefined
  readonly states: readonly CounterState[] | undefined
  readonly sent: Sent
  readonly now: number
}

export function rememberCounters({ counters = [], states = [], sent, now }: Answer): void {
  for (const [at, { key, cost }] of counters.entries()) {
    const [known, state] = [received.get(key), states[at]]
    if (!state) continue
    const used = known && !isNewer(sent, known) ? latest(known, known.used, state.used, cost) : state.used
    received.set(key, { used, held: state.held, at: now, ...toReceived(sent, known) })
  }
}

/** Stores local admissions, until {@link markCountersCarried}. */
export function rememberCountersLocally(counters: readonly CounterRequest[] | undefined, now: number): void {
  for (const counter of counters ?? []) {
    if (counter.cost === 0) continue
    keepBase(counter, now)
    addLocally(counter, counter.cost, now)
  }
}

/** If Postgres is ahead, its figure minus the local units becomes the known usage: it may include some of them. */
function keepBase(counter: CounterRequest, now: number): void {
  const { used, held } = findReceived(counter, now)
  const base = readRecorded(counter) - sumLocal(counter, now)
  if (base <= used) return
  received.set(counter.key, { number: 0, isCarried: false, ...received.get(counter.key), used: base, held, at: now })
}

/** The usage in Postgres, as far as the request knows. */
const readRecorded = ({ recorded, seed, balance }: CounterRequest) => recorded ?? seed ?? balance?.known ?? 0

function addLocally(counter: CounterRequest, units: number, now: number): void {
  const known = local.get(counter.key)
  const before = known && !isOver(counter, known.at, now) ? known.units : 0
  local.set(counter.key, { units: Math.max(0, before + units), at: now })
}

/** Redis now has the local admissions. */
export function markCountersCarried(counters: readonly CounterRequest[], now: number): void {
  const number = findLastNumber()
  for (const counter of counters) {
    if (counter.cost === 0) continue
    addLocally(counter, -counter.cost, now)
    const { used = 0, held = 0 } = received.get(counter.key) ?? {}
    received.set(counter.key, { used: used + counter.cost, held, at: now, number, isCarried: true })
  }
}

/** A hold ended that Redis has not released yet. */
export function lowerCountersHeld(key: string, units: number): void {
  const known = received.get(key)
  if (known) received.set(key, { ...known, held: Math.max(0, known.held - units) })
}

/** The used and held units of a counter, as far as this isolate knows. The usage is that of Postgres if that is higher. */
export function findCounter(counter: CounterRequest, now: number): CounterState {
  const { key, windowMs, until } = counter
  const { used, held } = findReceived(counter, now)
  return {
    used: Math.max(used + sumLocal(counter, now), readRecorded(counter)) + countInFlight(key),
    held: held + sumHeldLocally(key, now),
    reset: until ?? (windowMs === undefined ? null : now + windowMs),
  }
}

function findReceived(counter: CounterRequest, now: number): { readonly used: number; readonly held: number } {
  const known = received.get(counter.key)
  return known && !isOver(counter, known.at, now) ? known : { used: 0, held: 0 }
}

function sumLocal(counter: CounterRequest, now: number): number {
  const own = local.get(counter.key)
  return own && !isOver(counter, own.at, now) ? own.units : 0
}

/** Whether a counter has no room, as far as this isolate knows. */
export function isCounterFull({ limit }: CounterRequest, { used, held }: CounterState, needed: number): boolean {
  return limit !== null && used + held + needed > limit
}
