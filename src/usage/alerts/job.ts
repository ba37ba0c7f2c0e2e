import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { notifyAll } from './notify.ts'
import { recordAlerts } from './queries.ts'

const MINUTE_MS = 60_000
/** How far back a run looks for changed usage. Runs come every minute, and some may fail. */
const LOOK_BACK_MS = 10 * MINUTE_MS
/** Once an hour a run scans all current periods, because limits and thresholds change without any usage. */
const FULL_SCAN_MINUTE = 0
/** Longer than any period. */
const PERIOD_MS = 32 * 24 * 60 * MINUTE_MS

/**
 * The alerts job. Records each passed threshold once per period, limit and threshold, and then sends the notifications
 * that are still open. A run that dies in between loses nothing, and two concurrent runs notify once.
 *
 * @param at when the run was due, in Unix milliseconds
 */
export async function checkUsageAlerts(deps: Deps, at: number) {
  const isFull = Math.floor(at / MINUTE_MS) % 60 === FULL_SCAN_MINUTE
  const crossed = await recordAlerts(deps, {
    at,
    since: at - (isFull ? PERIOD_MS : LOOK_BACK_MS),
    lookBackMs: LOOK_BACK_MS,
  })
  const results = await notifyAll(deps)
  // still open, so the next run retries it
  for (const { organizationId, reason } of results.filter((one) => one.reason !== undefined))
    log('error', 'usage_alert_not_notified', { organization_id: organizationId, ...errorFields(reason) })
  return { crossed, told: results.filter(({ isTold }) => isTold).length }
}
