import { METERS } from '../db/schema/shapes.ts'
import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { periodNamed } from '../lib/period.ts'
import type { WrittenPeriod } from '../usage/write.ts'
import { quotaKey } from './claim.ts'
import { toUnits } from './meter-units.ts'

/**
 * KEYS: a quota's hash. ARGV: the time (ms) that becomes its epoch, calls that were added, then meter and units used, in
 * turn. Only a hash that is there is raised: one that is lost starts from Postgres by itself.
 *
 * Calls are added, since their counter is ahead of Postgres by what verifications took and have not written yet, or hold
 * in leases; the others are raised to what was recorded. Should somebody else have raised calls to it just before, they
 * count twice until the counter is reconciled: on the safe side.
 */
const RAISE = defineScript(`
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then return 0 end
if ARGV[2] ~= '0' then redis.call('HINCRBY', KEYS[1], 'api_calls', ARGV[2]) end
redis.call('HSET', KEYS[1], 'at', ARGV[1])
for i = 3, #ARGV, 2 do
  local used = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0')
  if used < tonumber(ARGV[i + 1]) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1], 'epoch', ARGV[1]) end
end
return 1`)

/**
 * Brings the counters up to what was recorded, so that usage which no verification counted is seen by the next one.
 * Never lowers: what is counted but not written yet stays counted. If Redis fails, reconciliation does it later.
 */
export async function raiseUsed(deps: Deps, periods: readonly WrittenPeriod[]): Promise<void> {
  const now = deps.now()
  const raises = periods.map((used) => {
    const key = quotaKey(used.organization_id, periodNamed(used.period_start))
    const counts = METERS.flatMap((meter) => [meter, toUnits(meter, used[meter])])
    return runScript(deps.redis, RAISE, [key], [now, used.added_api_calls, ...counts])
  })
  for (const result of await Promise.allSettled(raises)) {
    if (result.status === 'rejected') log('warn', 'quota_not_raised', errorFields(result.reason))
  }
}
