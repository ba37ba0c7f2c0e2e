/** The scripts that end holds, extend them, and count reported use. */
import { defineScript } from '../db/script.ts'
import { COUNTER_FUNCTIONS } from './counter-script.ts'
import { QUOTA_FUNCTIONS } from './quota-script.ts'

/**
 * Ends a hold and counts what was used, in the quota and in all counters, in one step. Idempotent.
 *
 * KEYS: the quota's text, its holds, a marker, then each counter and its holds (limits/counter-script.ts). ARGV[1]: JSON
 * of `ahead` (ms); `id` of the hold; `recorded`, the use in the quota's period according to Postgres, or {}; `isNew`,
 * whether Postgres has just written the use for the first time; `marked` (ms), how long the marker stands; `counters`
 * with the `amount` that was used of each, and `xid`, the transaction of Postgres that wrote it.
 *
 * Answer: whether the hold existed. Held units never fall below 0: a lost quota counts the holds again when it is
 * started. What Postgres says as a sum is not added. Where the hold has ended, only a use that is new counts. The
 * marker remembers that a use was counted.
 */
export const SETTLE = defineScript(`${QUOTA_FUNCTIONS}${COUNTER_FUNCTIONS}
local function dropHold(at, id) -- of a counter that cannot be read without a figure of Postgres
  local known = redis.call('HGET', KEYS[at + 1], id)
  if not known then return end
  redis.call('HDEL', KEYS[at + 1], id)
  local held = tonumber(redis.call('HGET', KEYS[at], 'held') or '0')
  local units = tonumber(string.match(known, '^%d+ (%d+)'))
  if held > 0 then redis.call('HSET', KEYS[at], 'held', whole(math.max(0, held - units))) end
end
local request = cjson.decode(ARGV[1])
local now, state = clock(request.ahead), readQuota(KEYS[1])
if state.born then raise(state, request.recorded) end
local known = redis.call('HGET', KEYS[2], request.id)
if known then
  redis.call('HDEL', KEYS[2], request.id)
  for meter, amount in pairs(cjson.decode(known).amounts) do
    local field = 'held:' .. meter
    if state.born and state[field] then set(state, field, math.max(0, state[field] - tonumber(amount))) end
  end
end
saveQuota(KEYS[1], state)
local counters, isNew = request.counters or {}, request.isNew
if #counters > 0 and isNew then
  isNew = redis.call('SET', KEYS[3], 1, 'NX', 'PX', whole(request.marked)) and true
end
local isCounted = false
for i, counter in ipairs(counters) do
  local read = openCounter(1 + i * 3, counter, now)
  if read then
    isCounted = settleIn(read, counter, request.id, isNew) or isCounted
  else
    dropHold(1 + i * 3, request.id)
    if isNew and counter.xid and (counter.amount or 0) > 0 then
      keepLate(KEYS[1 + i * 3], 'late:' .. whole(counter.xid), counter.amount)
    end
  end
end
if isCounted and not request.isNew then redis.call('SET', KEYS[3], 1, 'PX', whole(request.marked)) end
return known and 1 or 0`)

/**
 * Lua functions for verifications that were `admitted` (ms) and that Postgres wrote later.
 *
 * - `hasTaken(read, counter)`: whether the counter includes them. If Redis admitted them (`wasTaken`), every counter that began before
 *   does; `DECIDED_AFTER` allows for the decision and for different clocks. If an isolate admitted them alone, it carries them
 *   (limits/carry.ts), unless the counter began with a seed more than `waits` (ms) after the admission.
 * - `addAdmitted(read, counter)`: adds those that it does not include. In a window they count from their admission on.
 */
const ADMITTED_FUNCTIONS = `
local DECIDED_AFTER = 8000

local function hasTaken(read, counter)
  if counter.wasTaken then return not read.isLost and read.fields.born <= counter.admitted + DECIDED_AFTER end
  return not read.fields.seeded or read.fields.seeded <= counter.admitted + counter.waits
end

local function addAdmitted(read, counter)
  if hasTaken(read, counter) then return end
  if not counter.ms then return addUnits(read, counter, counter.amount) end
  local bucket = math.floor(counter.admitted / read.width)
  if bucket >= read.current - BUCKETS then addUnits(read, counter, counter.amount, math.min(bucket, read.current)) end
end
`

/**
 * Counts reported use that nothing was held for, a correction of reported use, or verifications from the spool, once for each
 * marker.
 *
 * KEYS: the marker, then each counter and its holds. ARGV[1]: JSON of `ahead`, `marked` (ms) and `counters` with
 * `amount` and `xid`; of a correction also `told`, `heldMs` and `isInSeed` (limits/counter-script.ts), of verifications `admitted`, `wasTaken` and `waits`.
 *
 * Use waits for a lost counter. A correction waits only if the seed has the corrected use, which is lost otherwise; units that an
 * isolate still carries do not wait.
 */
export const COUNT = defineScript(`${QUOTA_FUNCTIONS}${COUNTER_FUNCTIONS}${ADMITTED_FUNCTIONS}
local request = cjson.decode(ARGV[1])
local now = clock(request.ahead)
if not redis.call('SET', KEYS[1], 1, 'NX', 'PX', whole(request.marked)) then return 0 end
for i, counter in ipairs(request.counters) do
  local read = openCounter(i * 3 - 1, counter, now)
  if not read then
    local isGone = counter.told and not counter.isInSeed
    local isCarried = counter.admitted and not counter.wasTaken and now <= counter.admitted + counter.waits
    if counter.xid and not isGone and not isCarried then
      keepLate(KEYS[i * 3 - 1], 'late:' .. whole(counter.xid), counter.amount)
    end
  elseif not counter.recorded and not isIncluded(read, counter.xid) then
    if counter.told then
      correctIn(read, counter)
    elseif counter.admitted then
      addAdmitted(read, counter)
    else
      addUnits(read, counter, counter.amount)
    end
  end
end
return 1`)

/**
 * Lets a hold end later, never earlier.
 *
 * KEYS: the quota's text, its holds, the trace, then each counter and its holds. ARGV[1]: JSON of `ahead`, `id`, `ms`
 * until it shall end, `marked` (ms), and `counters`. Answer: when it ends (ms); 0 if it has ended.
 */
export const EXTEND = defineScript(`${QUOTA_FUNCTIONS}${COUNTER_FUNCTIONS}
local request = cjson.decode(ARGV[1])
local now = clock(request.ahead)
local known = redis.call('HGET', KEYS[2], request.id)
local hold = known and cjson.decode(known)
if not hold or hold.expires <= now then return 0 end
local expires = math.max(hold.expires, now + request.ms)
hold.expires = expires
redis.call('HSET', KEYS[2], request.id, cjson.encode(hold))
redis.call('PEXPIREAT', KEYS[2], whole(expires + 3 * DAY))
redis.call('PEXPIRE', KEYS[3], whole(expires - now + request.marked))
for i, counter in ipairs(request.counters) do
  extendIn({holdsKey = KEYS[2 + i * 3]}, request.id, expires)
end
return expires`)
