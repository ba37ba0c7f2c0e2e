import { forEachMeter, METERS } from '../db/schema/meters.ts'
import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { periodNamed } from '../lib/period.ts'
import { quotaKey, type Recorded } from '../limits/limit-request.ts'
import { toUnits } from '../limits/meter-units.ts'
import { QUOTA_FUNCTIONS } from '../limits/quota-script.ts'
import type { PeriodUsage } from './write.ts'

/**
 * KEYS: a quota's hash. ARGV: JSON of what Postgres says was used. Only a hash that exists is raised: a lost one starts
 * from Postgres by itself. Every figure is a sum, not a difference, so that raising twice is raising once.
 */
const RAISE = defineScript(`${QUOTA_FUNCTIONS}
local state = readQuota(KEYS[1])
if not state.born then return 0 end
return raise(KEYS[1], state, cjson.decode(ARGV[1]))`)

/**
 * Brings the counters up to what was recorded, so that usage which no verification counted is seen by the next one.
 * Never lowers: what is counted but not written yet stays counted. If Redis fails, reconciliation does it later. Two
 * concurrent syncs can count the same calls twice until the next reconciliation: it over-counts, never under-counts.
 */
export async function syncCounters(deps: Deps, periods: readonly PeriodUsage[]): Promise<void> {
  const raises = periods.map((used) => {
    const key = quotaKey(used.organization_id, periodNamed(used.period_start))
    return runScript(deps.redis, RAISE, [key], [JSON.stringify(toRecorded(used))])
  })
  for (const result of await Promise.allSettled(raises)) {
    if (result.status === 'rejected') log('warn', 'quota_not_raised', errorFields(result.reason))
  }
}

/** A period's row in the units that counters have. */
export function toRecorded(used: PeriodUsage): Recorded {
  const units = forEachMeter(METERS, (meter) => toUnits(meter, used[meter]))
  return { ...units, lanes: [Number(used.even_calls), Number(used.odd_calls)] }
}
