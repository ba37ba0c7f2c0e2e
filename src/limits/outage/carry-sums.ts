/** Sums of the units that an isolate admitted locally, in the form in which they are carried to Redis (limits/outage/carry.ts). Pure. */
import type { CounterRequest } from '../counter.ts'
import { quotaKey } from '../limit-request.ts'
import { type LocalAdmission, toSlot } from './local-units.ts'

/** Units of a counter are grouped by the time of their admission, in steps of this length. */
const STEP_MS = 1_000

interface CarriedWindow {
  readonly ms: number
  readonly units: number
}

/** Each window once, with all units that have not left it. */
export function sumWindows(admitted: readonly LocalAdmission[], now: number): ReadonlyMap<string, CarriedWindow> {
  const sums = new Map<string, CarriedWindow>()
  for (const { request } of admitted) {
    for (const { key, windowMs, cost } of request.windows) {
      if (cost > 0 && now - request.now <= windowMs)
        sums.set(key, { ms: windowMs, units: (sums.get(key)?.units ?? 0) + cost })
    }
  }
  return sums
}

interface CarriedQuota {
  readonly key: string
  /** -1 if the isolate knew none. */
  readonly generation: number
  readonly units: Record<string, number>
}

/** Units by meter of each quota and generation, by their slot. */
export function sumQuotas(admitted: readonly LocalAdmission[]): ReadonlyMap<string, CarriedQuota> {
  const sums = new Map<string, CarriedQuota>()
  for (const one of admitted) {
    const { quota } = one.request
    const slot = toSlot(one)
    if (!quota || slot === undefined) continue
    const { generation = -1 } = one
    const known = sums.get(slot) ?? { key: quotaKey(quota.organizationId, quota.period.name), generation, units: {} }
    for (const { meter, amount } of quota.meters) {
      if (amount > 0) known.units[meter] = (known.units[meter] ?? 0) + amount
    }
    if (Object.keys(known.units).length > 0) sums.set(slot, known)
  }
  return sums
}

/** Units by how many milliseconds ago they were admitted. */
type Parts = ReadonlyMap<number, number>

/** Each counter once, with all units, except units that have left their window and units of an ended period. */
export function sumCounters(admitted: readonly LocalAdmission[], now: number) {
  const sums = new Map<string, CounterRequest & { readonly parts: Parts }>()
  for (const { request } of admitted) {
    const ago = Math.max(0, Math.floor((now - request.now) / STEP_MS) * STEP_MS)
    for (const counter of request.counters ?? []) {
      if (counter.cost === 0 || counter.balance || isOver(counter, request.now, now)) continue
      const parts = sums.get(counter.key)?.parts ?? new Map<number, number>()
      const sum = (parts.get(ago) ?? 0) + counter.cost
      sums.set(counter.key, { ...withoutSeed(counter), parts: new Map([...parts, [ago, sum]]) })
    }
  }
  return [...sums.values()]
}

/** Carried units must not start a counter: the Postgres figure from their admission is outdated. */
function withoutSeed({ seed: _seed, ...counter }: CounterRequest): CounterRequest {
  return counter
}

function isOver({ windowMs, until }: CounterRequest, at: number, now: number): boolean {
  return (windowMs !== undefined && now - at > windowMs) || (until !== undefined && now >= until)
}

interface CarriedBalance extends CounterRequest {
  /** The index of the quota whose generation the units belong to: from 1, as in Lua. */
  readonly quota: number
}

/**
 * Balance units, per generation. They exclude the figure that Postgres reported at that time.
 *
 * @param slots of the carried quotas, in their order
 */
export function sumBalances(admitted: readonly LocalAdmission[], slots: readonly string[]): CarriedBalance[] {
  const sums = new Map<string, CarriedBalance>()
  for (const one of admitted) {
    for (const { recorded: _recorded, ...counter } of one.request.counters ?? []) {
      const place = slots.indexOf(toSlot(one) ?? '') + 1
      if (!counter.balance || counter.cost === 0 || place === 0) continue
      const { lanes: _lanes, ...balance } = counter.balance
      const name = `${counter.key} ${place}`
      sums.set(name, { ...counter, balance, quota: place, cost: counter.cost + (sums.get(name)?.cost ?? 0) })
    }
  }
  return [...sums.values()]
}
