import type { Meter } from '../db/schema/meters.ts'
import { toUnits } from './meter-units.ts'

/** What refusals by an organization's own cap name. */
const SPEND_CAP = 'spend_cap'

/** A limit of a meter, in whole units. `null` means no limit. */
export interface Capped {
  readonly limit: number | null
  /** What refusals name, if not the meter. */
  readonly refusedBy?: typeof SPEND_CAP
}

/**
 * The limit at which charges are refused: the plan's, or the cap that the organization set itself if that is lower.
 *
 * @param limit the plan's, if it refuses requests
 * @param cap in US dollars; null without one that refuses
 */
export function applySpendCap(meter: Meter, limit: number | null, cap: string | null): Capped {
  if (meter !== 'cost_usd' || cap === null) return { limit }
  const units = toUnits(meter, cap)
  return limit !== null && limit <= units ? { limit } : { limit: units, refusedBy: SPEND_CAP }
}
