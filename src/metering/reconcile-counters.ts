import { selectCounters } from '../db/schema/meters.ts'
import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { periodNamed } from '../lib/period.ts'
import { quotaKey, type Recorded } from '../limits/limit-request.ts'
import { QUOTA_FUNCTIONS } from '../limits/quota-script.ts'
import { toRecorded } from './raise-counters.ts'
import { isSpoolEmpty } from './spool.ts'
import type { PeriodUsage } from './write.ts'

/**
 * After this time, the calls of a generation are in Postgres, in the spool, or lost: leases last 1.5 s, retries of a
 * write 30 s.
 */
const GRACE_MS = 90_000
/** Periods that changed within this time are compared. Each goes through several generations in it. */
export const LOOK_BACK_MS = 20 * 60_000
export const MAX_PERIODS = 20_000
const CONCURRENCY = 500
/** Failures of one run that are logged one by one. The job's log line counts all of them. */
const MAX_LOGGED = 20

/**
 * KEYS: a quota's hash. ARGV: added to the clock (ms), whether the spool was empty (1 or 0) before Postgres was read,
 * the grace (ms), JSON of the use recorded by Postgres. Answer: {corrected counters, then meter and value of each part
 * that is above Postgres although Redis has it only from there}.
 *
 * The generation before the current one has ended. Once the grace has passed, no isolate adds to it, so its lane is set
 * to the figure of Postgres, up or down. Then the current generation ends; a later run settles it.
 */
const RECONCILE = defineScript(`${QUOTA_FUNCTIONS}
local state, answer = readQuota(KEYS[1]), {0}
if not state.born then return answer end
local now, recorded = clock(tonumber(ARGV[1])), cjson.decode(ARGV[4])
local corrected = raise(KEYS[1], state, recorded)
local settled = state.settled or -1
if state.generation > settled + 1 and ARGV[2] == '1' and now - state.flipped >= tonumber(ARGV[3]) then
  settled = state.generation - 1
  local lane, used = toLane(settled), recorded.lanes[settled % 2 + 1]
  local excess = (state[lane] or 0) - used
  if excess ~= 0 then
    state[lane], state.api_calls, corrected = used, state.api_calls - excess, corrected + 1
    redis.call('HSET', KEYS[1], lane, whole(used), 'api_calls', whole(state.api_calls))
  end
  redis.call('HSET', KEYS[1], 'settled', whole(settled))
end
if state.generation == settled + 1 then
  redis.call('HSET', KEYS[1], 'generation', whole(state.generation + 1), 'flipped', whole(now))
end
for meter, used in pairs(recorded) do
  if meter == 'api_calls' then
    local rest = reported(state)
    if rest > used - recorded.lanes[1] - recorded.lanes[2] then answer[#answer + 1], answer[#answer + 2] = meter, whole(rest) end
  elseif meter ~= 'lanes' and state[meter] > used then
    answer[#answer + 1], answer[#answer + 2] = meter, whole(state[meter])
  end
end
answer[1] = corrected
return answer`)

/**
 * KEYS: a quota's hash. ARGV: added to the clock (ms), the grace (ms), JSON of what Postgres says was used, then meter and
 * value that Redis had before Postgres was asked, in turn. Answer: how many were lowered. One that changed meanwhile is left
 * to the next run, and so are calls while some of no generation may be on their way to Postgres.
 */
const LOWER = defineScript(`${QUOTA_FUNCTIONS}
local state, recorded, lowered = readQuota(KEYS[1]), cjson.decode(ARGV[3]), 0
if not state.born then return 0 end
local areCallsOnTheirWay = state.laneless and clock(tonumber(ARGV[1])) - state.laneless < tonumber(ARGV[2])
for i = 4, #ARGV, 2 do
  local meter, seen = ARGV[i], tonumber(ARGV[i + 1])
  local used, value = recorded[meter], state[meter] or 0
  if meter == 'api_calls' then used, value = used - recorded.lanes[1] - recorded.lanes[2], reported(state) end
  if value == seen and used < seen and not (meter == 'api_calls' and areCallsOnTheirWay) then
    redis.call('HSET', KEYS[1], meter, whole((state[meter] or 0) - (seen - used)))
    lowered = lowered + 1
  end
end
return lowered`)

const COLUMNS = `organization_id, extract(epoch from period_start)::float8 * 1000 as period_start, even_calls, odd_calls,
  ${selectCounters('usage_periods', String)}`
const CHANGED = `select ${COLUMNS} from usage_periods where updated_at > $1 order by updated_at desc limit ${MAX_PERIODS}`
const AGAIN = `select ${COLUMNS} from usage_periods
where organization_id = $1::uuid and period_start = to_timestamp($2::float8 / 1000)`

/**
 * Sets the counters of every recently changed period to the figures of Postgres: up at once, down within minutes, even
 * under traffic (docs/internals/decisions/0008). Units that wait in the spool stay counted.
 */
export async function reconcileQuotas(deps: Deps, at: number) {
  const wasSpoolEmpty = await isSpoolEmpty(deps) // before Postgres is read, because the drain may run meanwhile
  const changed = (await deps.sql.query(CHANGED, [new Date(at - LOOK_BACK_MS).toISOString()])) as PeriodUsage[]
  let [corrected, failed] = [0, 0]
  for (let from = 0; from < changed.length; from += CONCURRENCY) {
    const part = changed.slice(from, from + CONCURRENCY)
    const results = await Promise.allSettled(part.map((used) => reconcile(deps, used, wasSpoolEmpty)))
    for (const [place, result] of results.entries()) {
      if (result.status === 'fulfilled') corrected += result.value
      else if (++failed <= MAX_LOGGED) logFailure(part[place], result.reason)
    }
  }
  return { periods: changed.length, corrected, failed }
}

/** The next runs compare the period again, until it has not changed for LOOK_BACK_MS. */
function logFailure(used: PeriodUsage | undefined, reason: unknown): void {
  const { organization_id, period_start } = used ?? {}
  log('warn', 'quota_not_reconciled', { organization_id, period_start, ...errorFields(reason) })
}

/** Compares the counters of one period with its row. */
export async function reconcile(deps: Deps, used: PeriodUsage, wasSpoolEmpty: boolean): Promise<number> {
  const key = quotaKey(used.organization_id, periodNamed(used.period_start))
  const args = [deps.redisAheadMs, wasSpoolEmpty ? 1 : 0, GRACE_MS, JSON.stringify(toRecorded(used))]
  const [corrected, ...above] = await runScript<[number, ...(string | number)[]]>(deps.redis, RECONCILE, [key], args)
  if (above.length === 0 || !wasSpoolEmpty) return corrected // carried units (carry.ts) may be in the spool
  const [again] = (await deps.sql.query(AGAIN, [used.organization_id, used.period_start])) as PeriodUsage[]
  return corrected + (again ? await lower(deps, key, toRecorded(again), above) : 0)
}

const lower = (deps: Deps, key: string, recorded: Recorded, above: readonly (string | number)[]) =>
  runScript<number>(deps.redis, LOWER, [key], [deps.redisAheadMs, GRACE_MS, JSON.stringify(recorded), ...above])
