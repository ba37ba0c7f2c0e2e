/** Ends a hold in the memory of this isolate. */
import { lowerHeld } from '../outage/known.ts'
import { lowerCountersHeld } from '../outage/known-counters.ts'
import { closeOwnHold } from './own.ts'

/**
 * @param isReleased whether Redis released it. Otherwise the figures that Redis last reported still include it, and are lowered
 *   until its next response
 * @returns whether it was open although Redis did not release it, as far as this isolate knows
 */
export function endOwnHold(
  id: string,
  { isReleased, now }: { readonly isReleased: boolean; readonly now: number },
): boolean {
  const ended = closeOwnHold(id, now)
  if (!ended) return false
  if (ended.isLocal || isReleased) return ended.isLocal
  for (const [counter, units] of ended.units) {
    lowerHeld(counter, units)
    lowerCountersHeld(counter, units)
  }
  return true
}
