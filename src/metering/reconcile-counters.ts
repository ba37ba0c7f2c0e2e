import { changedAfter } from '../db/recent-periods.ts'
import { selectCounters } from '../db/schema/meters.ts'
import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { periodNamed } from '../lib/period.ts'
import { listCounterKeys } from '../limits/counter.ts'
import { quotaKey } from '../limits/limit-request.ts'
import { selectCustomUse } from '../limits/meters/custom.ts'
import { COUNTER_FUNCTIONS } from '../limits/scripts/counter.ts'
import { QUOTA_FUNCTIONS } from '../limits/scripts/quota.ts'
import { type Charge, findCharges } from './charges.ts'
import { isAllWritten } from './queue.ts'
import { toRecorded } from './raise-counters.ts'
import type { PeriodUsage } from './write.ts'

/**
 * After this time, the calls of a generation are in Postgres, in the spool, late in the queue, or lost: leases last 1.5 s,
 * retries of a write 30 s.
 */
const GRACE_MS = 90_000
/** Periods that changed within this time are compared. Each goes through several generations in it. */
export const LOOK_BACK_MS = 20 * 60_000
export const MAX_PERIODS = 20_000
const CONCURRENCY = 500
/** The maximum number of failures that one run logs individually. The job's log line counts all of them. */
const MAX_LOGGED = 20

/**
 * KEYS: a quota's text; the organization's balance and its holds, if it has one. ARGV: added to the clock (ms), whether the
 * spool was empty and the queue up to date (1 or 0) before Postgres was read, the grace (ms), JSON of the usage recorded by Postgres, and of the
 * balance as in limits/scripts/counter.ts. Answer: {corrected counters, then meter and value of each part
 * that is above Postgres although Redis has it only from there}.
 *
 * The generation before the current one has ended. Once the grace has passed, no isolate adds to it, so its lane is set
 * to the figure of Postgres, up or down. Then the current generation ends; a later run settles it. The lanes of a balance
 * belong to the period in which its units were taken last, so they are settled with it. If the rest of a balance is above the
 * value in Postgres, it is marked to restart from the next figure (`stale`), so that a concurrent report is not lost.
 */
const RECONCILE = defineScript(`${QUOTA_FUNCTIONS}${COUNTER_FUNCTIONS}
local state, answer = readQuota(KEYS[1]), {0}
if not state.born then return answer end
local now, recorded = clock(tonumber(ARGV[1])), cjson.decode(ARGV[4])
for field in pairs(state) do
  local meter = string.match(field, '^lane:%d:(m:.*)$')
  if meter and not recorded[meter] then recorded[meter] = 0 end
end
local corrected = raise(state, recorded)
local settled = state.settled or -1
local balance, read = ARGV[5] and cjson.decode(ARGV[5]), nil
if balance and redis.call('HEXISTS', KEYS[2], 'born') == 1 then
  local before = tonumber(redis.call('HGET', KEYS[2], 'used') or '0')
  read = openCounter(2, balance, now)
  if read.used > before then corrected = corrected + 1 end
end
local function settleBalance(generation)
  local lane = 'lane:' .. whole(generation % 2)
  local excess = (read.fields[lane] or 0) - (balance.balance.lanes[generation % 2 + 1])
  if excess == 0 then return end
  read.fields[lane], read.fields.used, corrected = read.fields[lane] - excess, read.fields.used - excess, corrected + 1
  redis.call('HSET', KEYS[2], lane, whole(read.fields[lane]), 'used', whole(read.fields.used))
end
if state.generation > settled + 1 and ARGV[2] == '1' and now - state.flipped >= tonumber(ARGV[3]) then
  settled = state.generation - 1
  for meter in pairs(recorded) do
    local lane, used = toLane(meter, settled), readLanes(recorded, meter)[settled % 2 + 1]
    local excess = isLaned(meter) and (state[lane] or 0) - used or 0
    if excess ~= 0 then
      set(state, lane, used)
      set(state, meter, (state[meter] or 0) - excess)
      corrected = corrected + 1
    end
  end
  set(state, 'settled', settled)
  if read and read.fields.from == balance.balance.period then settleBalance(settled) end
end
if read then
  local lanes, fields = balance.balance.lanes, read.fields
  local rest = fields.used - (fields['lane:0'] or 0) - (fields['lane:1'] or 0)
  local areOnTheirWay = fields.laneless and now - fields.laneless < tonumber(ARGV[3])
  if ARGV[2] == '1' and not areOnTheirWay and rest > balance.recorded - lanes[1] - lanes[2] then
    redis.call('HSET', KEYS[2], 'stale', '1')
  end
end
if state.generation == settled + 1 then
  set(state, 'generation', state.generation + 1)
  set(state, 'flipped', now)
end
saveQuota(KEYS[1], state)
for meter, used in pairs(recorded) do
  if isLaned(meter) then
    local lanes, rest = readLanes(recorded, meter), reported(state, meter)
    if rest > used - lanes[1] - lanes[2] then answer[#answer + 1], answer[#answer + 2] = meter, whole(rest) end
  elseif type(used) == 'number' and state[meter] > used then
    answer[#answer + 1], answer[#answer + 2] = meter, whole(state[meter])
  end
end
answer[1] = corrected
return answer`)

/**
 * KEYS: a quota's text. ARGV: added to the clock (ms), the grace (ms), JSON of the usage in Postgres, then alternately meter and
 * the value that Redis had before Postgres was read. Answer: how many were lowered. A counter that changed in between is left
 * to the next run, and so are calls while some without a generation may be on their way to Postgres.
 */
const LOWER = defineScript(`${QUOTA_FUNCTIONS}
local state, recorded, lowered = readQuota(KEYS[1]), cjson.decode(ARGV[3]), 0
if not state.born then return 0 end
local areCallsOnTheirWay = state.laneless and clock(tonumber(ARGV[1])) - state.laneless < tonumber(ARGV[2])
for i = 4, #ARGV, 2 do
  local meter, seen = ARGV[i], tonumber(ARGV[i + 1])
  local used, value, lanes = recorded[meter] or 0, state[meter] or 0, readLanes(recorded, meter)
  if isLaned(meter) then used, value = used - lanes[1] - lanes[2], reported(state, meter) end
  if value == seen and used < seen and not (isLaned(meter) and areCallsOnTheirWay) then
    set(state, meter, (state[meter] or 0) - (seen - used))
    lowered = lowered + 1
  end
end
saveQuota(KEYS[1], state)
return lowered`)

const COLUMNS = `organization_id, extract(epoch from period_start)::float8 * 1000 as period_start, even_calls, odd_calls, even_charges, odd_charges,
  ${selectCounters('usage_periods', String)}, ${selectCustomUse('usage_periods')}`
const CHANGED = `select ${COLUMNS} from usage_periods where ${changedAfter('usage_periods', '$1::timestamptz')} order by updated_at desc limit ${MAX_PERIODS}`
const AGAIN = `select ${COLUMNS} from usage_periods
where organization_id = $1::uuid and period_start = to_timestamp($2::float8 / 1000)`

/**
 * Sets the counters of every recently changed period to the figures of Postgres: up at once, down within minutes, even
 * under traffic (docs/internals/decisions/0008). Units that wait in the spool or in the queue stay counted.
 */
export async function reconcileQuotas(deps: Deps, at: number) {
  const wasAllWritten = await isAllWritten(deps) // before Postgres is read, because the drain may run concurrently
  const changed = (await deps.sql.query(CHANGED, [new Date(at - LOOK_BACK_MS).toISOString()])) as PeriodUsage[]
  const charges = await findCharges(deps, [...new Set(changed.map(({ organization_id }) => organization_id))])
  let [corrected, failed] = [0, 0]
  for (let from = 0; from < changed.length; from += CONCURRENCY) {
    const part = changed.slice(from, from + CONCURRENCY)
    const results = await Promise.allSettled(
      part.map((used) => reconcile(deps, used, { wasAllWritten, charge: charges.get(used.organization_id) })),
    )
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

interface Compared {
  readonly wasAllWritten: boolean
  /** For an organization that uses credits: read after the period's generation has ended, like its row. */
  readonly charge?: Charge | undefined
}

/** Compares the counters of one period with its row. */
export async function reconcile(deps: Deps, used: PeriodUsage, { wasAllWritten, charge }: Compared): Promise<number> {
  const keys = [toQuotaKey(used), ...(charge ? listCounterKeys([charge]) : [])]
  const balance = charge && { ...charge, limit: -1, balance: { ...charge.balance, period: used.period_start } }
  const redis = deps.redis.of(used.organization_id)
  const args = [deps.redisAheadMs, wasAllWritten ? 1 : 0, GRACE_MS, JSON.stringify(toRecorded(used))]
  if (balance) args.push(JSON.stringify(balance))
  const [corrected, ...above] = await runScript<[number, ...(string | number)[]]>(redis, RECONCILE, keys, args)
  if (above.length === 0 || !wasAllWritten) return corrected // carried units (limits/outage/carry.ts) may be in the spool or the queue
  const [again] = (await deps.sql.query(AGAIN, [used.organization_id, used.period_start])) as PeriodUsage[]
  return corrected + (again ? await lower(deps, again, above) : 0)
}

/** How often to retry lowering counters that change concurrently. The job lowers them within minutes in any case. */
const MAX_LOWERINGS = 5

/** Lowers the counters of a period at once, after usage was taken back. */
export async function lowerCounters(deps: Deps, organizationId: string, periodStart: number): Promise<void> {
  for (let attempt = 0; attempt < MAX_LOWERINGS; attempt++) {
    const wasAllWritten = await isAllWritten(deps)
    const [used] = (await deps.sql.query(AGAIN, [organizationId, periodStart])) as PeriodUsage[]
    if (!used || !wasAllWritten || (await reconcile(deps, used, { wasAllWritten })) > 0) return
  }
}

function lower(deps: Deps, used: PeriodUsage, above: readonly (string | number)[]): Promise<number> {
  const args = [deps.redisAheadMs, GRACE_MS, JSON.stringify(toRecorded(used)), ...above]
  return runScript<number>(deps.redis.of(used.organization_id), LOWER, [toQuotaKey(used)], args)
}

const toQuotaKey = (used: PeriodUsage) => quotaKey(used.organization_id, periodNamed(used.period_start))
