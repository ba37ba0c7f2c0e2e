import { forEachMeter, METERS } from '../db/schema/meters.ts'
import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { periodNamed } from '../lib/period.ts'
import { quotaKey, type Recorded } from '../limits/limit-request.ts'
import { toCustomRecorded, withChargeLanes } from '../limits/meters/custom.ts'
import { toUnits } from '../limits/meters/units.ts'
import { QUOTA_FUNCTIONS } from '../limits/scripts/quota.ts'
import type { PeriodUsage } from './write.ts'

/**
 * KEYS: a quota's text. ARGV: JSON of the usage recorded by Postgres. Raises only an existing quota; a lost one restarts
 * from the figures of Postgres anyway. Every figure is a sum, not a difference, so the script is idempotent.
 */
const RAISE = defineScript(`${QUOTA_FUNCTIONS}
local state = readQuota(KEYS[1])
if not state.born then return 0 end
local raised = raise(state, cjson.decode(ARGV[1]))
saveQuota(KEYS[1], state)
return raised`)

/**
 * Raises the counters to the recorded usage, so that the next verification sees usage that no verification counted. Never
 * lowers them: units that are counted but not written yet stay counted. If Redis fails, reconciliation does it later.
 * Two concurrent syncs can count the same calls twice until the next reconciliation: it over-counts, never
 * under-counts.
 */
export async function syncCounters(deps: Deps, periods: readonly PeriodUsage[]): Promise<void> {
  const raises = periods.map((used) => {
    const key = quotaKey(used.organization_id, periodNamed(used.period_start))
    return runScript(deps.redis.of(used.organization_id), RAISE, [key], [JSON.stringify(toRecorded(used))])
  })
  for (const result of await Promise.allSettled(raises)) {
    if (result.status === 'rejected') log('warn', 'quota_not_raised', errorFields(result.reason))
  }
}

/** Converts a period's row to the units of the counters. */
export function toRecorded(used: PeriodUsage): Recorded {
  const units = forEachMeter(METERS, (meter) => toUnits(meter, used[meter]))
  const lanes = [Number(used.even_calls), Number(used.odd_calls)] as const
  const charged = [toUnits('cost_usd', used.even_charges), toUnits('cost_usd', used.odd_charges)] as const
  return withChargeLanes({ ...units, lanes, ...toCustomRecorded(used.custom ?? {}) }, charged)
}
