import { METERS } from '../db/schema/shapes.ts'
import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { periodNamed } from '../lib/period.ts'
import { isSpoolEmpty } from '../usage/spool.ts'
import type { PeriodUsage } from '../usage/write.ts'
import { quotaKey } from './claim.ts'
import { toUnits } from './meter-units.ts'

/** By then everything that was counted is written: nobody holds a lease, and no batch is under way. */
const QUIET_MS = 15 * 60_000
/** Periods that changed since then are looked at; the job runs more often. */
const LOOK_BACK_MS = 2 * 3_600_000
const MOST_PERIODS = 20_000
const TOGETHER = 500

/**
 * KEYS: a quota's hash. ARGV: added to the clock (ms), how long the hash must have been quiet to be lowered (ms; -1 never),
 * then meter and units used, in turn. Answer: how many counters were set.
 */
const RECONCILE = defineScript(`
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then return 0 end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[1])
local quiet, last = tonumber(ARGV[2]), tonumber(redis.call('HGET', KEYS[1], 'at') or '0')
local isQuiet = quiet >= 0 and now - last >= quiet
local set = 0
for i = 3, #ARGV, 2 do
  local used, recorded = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0'), tonumber(ARGV[i + 1])
  if used < recorded or (isQuiet and used > recorded) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1], 'epoch', string.format('%.0f', now))
    set = set + 1
  end
end
return set`)

const CHANGED = `
select organization_id, extract(epoch from period_start)::float8 * 1000 as period_start, api_calls, queries,
  input_tokens + output_tokens as tokens, cost_usd
from usage_periods where updated_at > $1 order by updated_at desc limit ${MOST_PERIODS}`

/**
 * Sets the counters of every period that changed lately to what Postgres says: up at once; down, where leases were lost
 * with their isolates, only once nothing was taken for a while and nothing waits in the spool.
 */
export async function reconcileQuotas(deps: Deps, at: number) {
  const quietMs = (await isSpoolEmpty(deps)) ? QUIET_MS : -1 // before Postgres is read: the drain may run meanwhile
  const changed = (await deps.sql.query(CHANGED, [new Date(at - LOOK_BACK_MS).toISOString()])) as PeriodUsage[]
  let [corrected, failed] = [0, 0]
  for (let from = 0; from < changed.length; from += TOGETHER) {
    const part = changed.slice(from, from + TOGETHER)
    const results = await Promise.allSettled(part.map((used) => reconcile(deps, used, quietMs)))
    for (const result of results) {
      if (result.status === 'fulfilled') corrected += result.value
      else failed += 1
    }
  }
  return { periods: changed.length, corrected, failed }
}

function reconcile(deps: Deps, used: PeriodUsage, quietMs: number): Promise<number> {
  const key = quotaKey(used.organization_id, periodNamed(used.period_start))
  const counts = METERS.flatMap((meter) => [meter, toUnits(meter, used[meter])])
  return runScript<number>(deps.redis, RECONCILE, [key], [deps.redisAheadMs, quietMs, ...counts])
}
