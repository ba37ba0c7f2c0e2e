/** The scripts that end holds, extend them, and count reported usage. */
import { defineScript } from '../../db/script.ts'
import { COUNTER_FUNCTIONS } from './counter.ts'
import { QUOTA_FUNCTIONS } from './quota.ts'

/**
 * Ends a hold and counts the usage, in the quota and in all counters, in one step. Idempotent.
 *
 * KEYS: the quota's text, its holds, a marker, then each counter and its holds (limits/scripts/counter.ts). ARGV[1]: JSON
 * of `ahead` (ms); `id` of the hold; `recorded`, the usage in the quota's period according to Postgres, or {}; `isNew`,
 * whether Postgres has just written the usage for the first time; `marked` (ms), the lifetime of the marker; `counters`
 * with the used `amount` of each, and `xid`, the Postgres transaction that wrote it.
 *
 * Answer: whether the hold existed. Held units never fall below 0: a lost quota counts the holds again when it is
 * started. Sums from Postgres are not added. If the hold has ended, only new usage counts. The
 * marker records that the usage was counted.
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
 * Lua functions for verifications that were `admitted` (ms) and written to Postgres later.
 *
 * - `hasTaken(read, counter)`: whether the counter includes them. If Redis admitted them (`wasTaken`), every counter that started before
 *   does; `DECIDED_AFTER` allows for the decision time and for different clocks. If an isolate admitted them alone, it carries them
 *   (limits/outage/carry.ts), unless the counter started from a seed more than `waits` (ms) after the admission.
 * - `addAdmitted(read, counter)`: adds those that it does not include. In a window they count from their admission.
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
 * Counts reported usage without a hold, a correction of reported usage, or verifications from the spool, once per
 * marker.
 *
 * KEYS: the marker, then each counter and its holds. ARGV[1]: JSON of `ahead`, `marked` (ms), `part` where the marker is that of a
 * transaction, which may have several, and `counters` with `amount` and `xid`; of a correction also `told`, `since`, `heldMs`, `isInSeed` and `isNew` (limits/scripts/counter.ts), of verifications `admitted`, `wasTaken` and `waits`.
 *
 * Use waits for a lost counter. A correction waits only if the seed has the corrected use, which is lost otherwise, or if the
 * use is new there; units that an isolate still carries do not wait.
 */
export const COUNT = defineScript(`${QUOTA_FUNCTIONS}${COUNTER_FUNCTIONS}${ADMITTED_FUNCTIONS}
local request = cjson.decode(ARGV[1])
local now, early = clock(request.ahead), {}
if request.part then
  if redis.call('HSETNX', KEYS[1], 'part:' .. whole(request.part), 1) == 0 then return 0 end
  redis.call('PEXPIRE', KEYS[1], whole(request.marked))
  early = readHash(KEYS[1])
elseif not redis.call('SET', KEYS[1], 1, 'NX', 'PX', whole(request.marked)) then
  return 0
end
for i, counter in ipairs(request.counters) do
  local known = not counter.admitted and early['units:' .. KEYS[i * 3 - 1]]
  if known then counter.amount = math.max(0, counter.amount - known) end
  local read = openCounter(i * 3 - 1, counter, now)
  if not read then
    local isGone = counter.told and not counter.isInSeed and not counter.isNew
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
 * Counts reported use of a transaction that comes again, whose first answer may have been lost: each use once, and only where the
 * transaction's own use has not been counted. What is counted here is left out of that ({@link COUNT}).
 *
 * KEYS: the transaction's marker, then each counter and its holds. ARGV[1]: JSON of `ahead`, `marked` (ms), and `uses`, each with an
 * `id` and its `counters` in the order of KEYS, which have `amount` and `xid`.
 *
 * The marker is a hash: `part:<n>` parts of the transaction that were counted together, `use:<id>` uses that were counted here, and
 * `units:<counter>` their units.
 */
export const COUNT_AGAIN = defineScript(`${QUOTA_FUNCTIONS}${COUNTER_FUNCTIONS}
local request = cjson.decode(ARGV[1])
local now, at = clock(request.ahead), 2
if redis.call('HEXISTS', KEYS[1], 'part:0') == 1 then return 0 end
local function countIn(place, counter)
  local read = openCounter(place, counter, now)
  if not read then
    keepLate(KEYS[place], 'late:' .. whole(counter.xid), counter.amount)
  elseif not isIncluded(read, counter.xid) then
    addUnits(read, counter, counter.amount)
  end
  redis.call('HINCRBY', KEYS[1], 'units:' .. KEYS[place], whole(counter.amount))
end
for _, use in ipairs(request.uses) do
  local isNew = redis.call('HSETNX', KEYS[1], 'use:' .. use.id, 1) == 1
  for _, counter in ipairs(use.counters) do
    if isNew then countIn(at, counter) end
    at = at + 3
  end
end
redis.call('PEXPIRE', KEYS[1], whole(request.marked))
return 1`)

/**
 * Lets a hold end later, never earlier.
 *
 * KEYS: the quota's text, its holds, the trace, the marker of an idempotency key (absent for a hold without one), then each
 * counter and its holds. ARGV[1]: JSON of `ahead`, `id`, `ms` until it should end, `marked` (ms), and `counters`. Answer: when it ends (ms); 0 if it has ended.
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
for i = 3, 4 do redis.call('PEXPIRE', KEYS[i], whole(expires - now + request.marked)) end
for i, counter in ipairs(request.counters) do
  extendIn({holdsKey = KEYS[3 + i * 3]}, request.id, expires)
end
return expires`)
