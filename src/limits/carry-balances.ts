/** Balance units that an isolate admitted alone, to be carried together with the quota that counted them (limits/carry.ts). Pure. */
import type { CounterRequest } from './counter.ts'
import { type LimitRequest, quotaKey } from './limit-request.ts'

export interface LocalAdmission {
  readonly request: LimitRequest
  /** The last generation of the quota's counter that this isolate received, if any. */
  readonly generation: number | undefined
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

/** A quota and the generation that counts an admission. */
export function toSlot({ request: { quota }, generation = -1 }: LocalAdmission): string | undefined {
  return quota && `${quotaKey(quota.organizationId, quota.period.name)} ${generation}`
}
