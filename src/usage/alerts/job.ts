import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { notifyAll } from './notify.ts'
import { recordAlerts } from './queries.ts'

const MINUTE_MS = 60_000
/** How far back a run looks for usage that changed; runs come every minute, and some may fail. */
const LOOK_BACK_MS = 10 * MINUTE_MS
/** Once an hour everything of the current periods is looked at: limits and thresholds change without any usage. */
const FULL_LOOK_MINUTE = 0
/** Longer than any period. */
const PERIOD_MS = 32 * 24 * 60 * MINUTE_MS

/**
 * The alerts job. What passed a threshold is written down, once for each period, limit and threshold; then what was not
 * told yet is told. A run that dies in between loses nothing, and two at once notify once.
 *
 * @param at when the run was due, in Unix milliseconds
 */
export async function checkUsageAlerts(deps: Deps, at: number) {
  const isFull = Math.floor(at / MINUTE_MS) % 60 === FULL_LOOK_MINUTE
  const crossed = await recordAlerts(deps, {
    at,
    since: at - (isFull ? PERIOD_MS : LOOK_BACK_MS),
    lookBackMs: LOOK_BACK_MS,
  })
  const results = await notifyAll(deps)
  for (const { organizationId, reason } of results.filter((one) => one.reason !== undefined))
    log('error', 'usage_alert_untold', { organization_id: organizationId, ...errorFields(reason) }) // still open: the next run tells it
  return { crossed, told: results.filter(({ isTold }) => isTold).length }
}
