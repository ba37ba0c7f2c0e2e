/** Counters beside an organization's quota: their requests, their Redis keys, and their readings. */

/** Units of one counter (limits/scripts/counter.ts). Money is in the units of limits/meters/units.ts. */
export interface CounterRequest {
  /** Its Redis key, which ends with the name of its period if it has one; its holds are kept under `<key>:holds`. */
  readonly key: string
  /** The maximum that may be used and held in total. `null` counts without a limit. */
  readonly limit: number | null
  /** Units to take. 0 takes nothing, but an admission refuses it once the counter is used up. */
  readonly cost: number
  /** The length of a rolling window. */
  readonly windowMs?: number
  /** Unix milliseconds when a calendar period ends. A counter with neither never ends. */
  readonly until?: number
  /** The total usage in Postgres. The counter is raised to it, so the usage itself is not added. */
  readonly recorded?: number
  /** The usage in Postgres, if it was just read: a lost counter restarts from it. */
  readonly seed?: number
  /** For a seed: the transactions that it includes, as text of Postgres (`pg_snapshot`). */
  readonly snapshot?: string
  /** For a seed: whether Postgres has no usage at all for the counter's owner. */
  readonly isFirst?: true
  /** Whether a lost counter must not start without one of the two. */
  readonly isSeeded?: true
  /** For a calendar period: it starts without a seed only if Redis has kept data since the period began. */
  readonly kept?: KeptSince
  /** Set for a balance, to which both verifications and Postgres add: each part is counted separately (limits/scripts/counter.ts). */
  readonly balance?: BalanceRequest
  /** Units per unit of a verification's cost, if it takes any: then a lease takes them as well. */
  readonly each?: number
  /** Unix milliseconds: the limit changes then, so no lease outlives it. */
  readonly lapsesAt?: number
}

export interface KeptSince {
  /** The Redis key of the time since when Redis has all usage of such counters. */
  readonly key: string
  /** Unix milliseconds when the period began. */
  readonly from: number
}

interface BalanceRequest {
  /** The usage in Postgres by verifications of even and of odd generations: parts of `recorded`, which is given with it. */
  readonly lanes?: readonly [number, number]
  /** Unix milliseconds when the usage period of a verification begins: generations are counted in it. */
  readonly period?: number
  /** The figure of Postgres when the row was read, for decisions without Redis. */
  readonly known?: number
}

export interface CounterState {
  readonly used: number
  readonly held: number
  /** Unix milliseconds: when all units are back, or, for a refused request, when it will fit. `null` if unknown. */
  readonly reset: number | null
}

/** A counter in the form that the scripts read. */
function toArgument(counter: CounterRequest) {
  const { limit, windowMs, until, recorded, seed, snapshot, isFirst, isSeeded, kept, balance } = counter
  const started = seed === undefined ? undefined : { seed, snapshot, isFirst }
  return { limit: limit ?? -1, ms: windowMs, until, recorded, ...started, isSeeded, from: kept?.from, balance }
}

/** Counters in the form that the scripts read, each with the extra fields of the script. */
export function counterArguments<Counter extends CounterRequest>(
  counters: readonly Counter[],
  describe: (counter: Counter) => Readonly<Record<string, unknown>>,
) {
  return counters.map((counter) => Object.assign(toArgument(counter), describe(counter)))
}

export const unitsToTake = ({ cost, each }: CounterRequest) => ({ units: cost, each })

/** The three Redis keys of each counter: its hash, its holds, and its mark; without a mark, the third key is unused. */
export const listCounterKeys = (counters: readonly Pick<CounterRequest, 'key' | 'kept'>[]) =>
  counters.flatMap(({ key, kept }) => [key, `${key}:holds`, kept?.key ?? key])

/** @param answer used, held and reset of each counter in turn */
export function readCounters(answer: readonly number[]): CounterState[] {
  return Array.from({ length: answer.length / 3 }, (_, at) => {
    const [used = 0, held = 0, reset = -1] = answer.slice(at * 3)
    return { used, held, reset: reset < 0 ? null : reset }
  })
}

/** Whether a request can never pass, because it asks for more than the limit. */
export const neverFits = ({ cost, limit }: CounterRequest) => limit !== null && Math.max(cost, 1) > limit
