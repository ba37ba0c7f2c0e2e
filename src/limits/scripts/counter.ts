import { START_FUNCTIONS } from './start.ts'

/**
 * Lua functions that all scripts over counters share. They need those of limits/scripts/quota.ts.
 *
 * A counter is a hash beside an organization's quota: a key's or subject's usage of a meter, a balance, or
 * slots. For a rolling window it has the units by bucket, as limits/window.ts counts them, and `now`, the time it has reached;
 * for any other counter, `used`. All have `born` (ms) and `kept` (ms), until when the hash is kept; with holds also `held` and `next`,
 * when the first of them expires, or 0. Its holds are another hash: id -> `expires amount bucket`.
 *
 * A counter in a request: `ms` of a rolling window; `until` (ms) the end of a calendar period; neither: it never ends.
 * `limit` or -1. `recorded`: the total in Postgres, to which the counter is raised. `seed`: the figure of Postgres from which
 * a lost counter restarts. `isSeeded`: a lost counter cannot start without one of the two. Three KEYS: its hash, its holds, and
 * with `from` (ms), the start of its calendar period, a mark: the time since when Redis has all usage of such counters. Only
 * if that is no later than `from`, a missing counter was never used; otherwise it was lost, and needs a seed.
 *
 * A counter that started from a seed has `seeded` (ms), when, and `snapshot`, the transactions whose usage the seed includes. When usage
 * is counted after it was written, it is skipped if its transaction, `xid`, is one of them. So nothing counts twice,
 * whichever of the two arrives first. Usage that arrives while the counter is lost waits beside it, and is added to a seed that does not
 * include it: `late:<xid>` is the usage that this transaction wrote, `unwritten:<ms>` the units that isolates admitted alone (limits/outage/carry.ts) and that Postgres may
 * lack until that time.
 *
 * A balance (`balance` of a request) is the total that was charged. It has two writers, so its `used` is a sum of three parts, like
 * `api_calls` (limits/scripts/quota.ts): `lane:0` and `lane:1`, the units that verifications took in even and in odd generations
 * of the quota of the period that began at `from`, over all periods; and the rest, which only Postgres knows. `stale`: the rest
 * is above the figure of Postgres, and restarts from its next figure. `laneless` (ms): when units without a generation were last
 * added. `carried:0`, `carried:1` and `carried:-1`: units that were carried (limits/outage/carry.ts) while there was no hash.
 *
 * - `openCounter(at, counter, now)`: the hash at KEYS[at] as a table, after expired holds were dropped; `nil` when it is lost
 *   or stale and may not start.
 * - `isIncluded(read, xid)`: whether the seed includes the usage that this transaction wrote.
 * - `keepLate(key, field, units)`: stores units until a lost counter restarts.
 * - `fits(read, counter, units)`, `nextRoom(read, counter, units)`: when they will fit (ms); -1 if unknown.
 * - `lastReset(read, counter)`: when all units of a window or period are back (ms); -1 for a counter that never ends.
 * - `addUnits(read, counter, units, bucket, generation)`, `holdIn(read, counter, id, units, expires)`.
 * - `settleIn(read, counter, id, isNew)`: ends the hold and counts the usage. Units up to the held amount count
 *   from the time at which they were held, all others from now. Without a hold they count only if `isNew`. Returns whether a
 *   hold was settled with units.
 * - `correctIn(read, counter)`: adds `amount`, which may be below 0, to what was counted of a report that was written at `told` (ms), where
 *   the counter still has that: up to `heldMs` before, where units count from when they were held. What began after `since`, when the
 *   report counted there first, does not have it, unless in its seed (`isInSeed`), or unless it is added only now (`isNew`). Of a window
 *   the units go from the buckets beside that moment.
 * - `extendIn(read, id, expires)`: lets a hold end later.
 */
export const COUNTER_FUNCTIONS = `
local BUCKETS, DAY, COUNTED_AFTER = 30, 86400000, 60000

${START_FUNCTIONS}
local function readBuckets(read, counter, now)
  read.width = counter.ms / BUCKETS
  read.now = math.max(now, read.fields.now or 0)
  read.current = math.floor(read.now / read.width)
  read.live, read.expired, read.used = {}, {}, 0
  for field, units in pairs(read.fields) do
    local bucket = tonumber(field)
    if bucket and bucket >= read.current - BUCKETS then
      read.live[#read.live + 1] = {bucket, units}
      read.used = read.used + units
    elseif bucket then
      read.expired[#read.expired + 1] = field
    end
  end
end

local function keepCounter(read, counter, now)
  local life = counter.ms and math.ceil(counter.ms + read.width * 2) + 1000 or 31 * DAY
  local needed = counter['until'] and counter['until'] + 3 * DAY or now + life
  if (read.fields.kept or 0) >= needed then return nil end
  return counter['until'] and needed or now + life * 2
end

local function writeCounter(read, counter, now, ...)
  local kept, written = keepCounter(read, counter, now), {...}
  if kept then
    read.fields.kept = kept
    written[#written + 1], written[#written + 2] = 'kept', whole(kept)
  end
  redis.call('HSET', read.key, 'born', whole(read.fields.born), unpack(written))
  if kept then redis.call('PEXPIREAT', read.key, whole(kept)) end
end

local function recountCounter(read, counter, now)
  local holds, first, held = redis.call('HGETALL', read.holdsKey), nil, 0
  for i = 1, #holds, 2 do
    local expires, amount = string.match(holds[i + 1], '^(%d+) (%d+)')
    expires = tonumber(expires)
    if expires <= now then
      redis.call('HDEL', read.holdsKey, holds[i])
    else
      held = held + tonumber(amount)
      if not first or expires < first then first = expires end
    end
  end
  if #holds == 0 and (read.fields.next or 0) == 0 then return end
  read.fields.held, read.fields.next = held, first or 0
  writeCounter(read, counter, now, 'held', whole(held), 'next', whole(first or 0))
end

local function openBalance(read, counter, isLost)
  local fields, lanes, written = read.fields, counter.balance.lanes or {0, 0}, {}
  local function set(field, value)
    if fields[field] == value then return end
    fields[field] = value
    written[#written + 1], written[#written + 2] = field, whole(value)
  end
  local rest = (fields.used or 0) - (fields['lane:0'] or 0) - (fields['lane:1'] or 0)
  if counter.recorded then
    local recorded = counter.recorded - lanes[1] - lanes[2]
    rest = (isLost or fields.stale) and recorded or math.max(rest, recorded)
  end
  for i = 0, 1 do
    local known = math.max(fields['lane:' .. i] or 0, lanes[i + 1])
    if isLost then known = known + (fields['carried:' .. i] or 0) end
    if known > 0 then set('lane:' .. i, known) end
  end
  if isLost then rest = rest + (fields['carried:-1'] or 0) end
  if isLost and fields['carried:-1'] then set('laneless', read.now) end
  set('used', rest + (fields['lane:0'] or 0) + (fields['lane:1'] or 0))
  if isLost or (fields.stale and counter.recorded) then redis.call('HDEL', read.key, 'stale', 'carried:0', 'carried:1', 'carried:-1') end
  if #written > 0 then writeCounter(read, counter, read.now, unpack(written)) end
  read.used = fields.used
end

local function openCounter(at, counter, now)
  local read = {key = KEYS[at], holdsKey = KEYS[at + 1], fields = readHash(KEYS[at]), now = now}
  local isLost, seed = not read.fields.born, 0
  if isLost then
    seed = beginCounter(read, KEYS[at + 2], counter, now)
    if not seed then return nil end
    read.fields.born, read.isLost = now, true
  elseif read.fields.stale and counter.isSeeded and not counter.recorded and not counter.isLook then
    return nil
  end
  if counter.ms then
    readBuckets(read, counter, now)
  elseif counter.balance then
    openBalance(read, counter, isLost)
  else
    local known = read.fields.used or 0
    local base = math.max(known, counter.recorded or 0)
    base = math.max(base, seed)
    read.used, read.fields.used = base, base
    if base > known or (isLost and counter.from) then writeCounter(read, counter, now, 'used', whole(base)) end
  end
  local first = read.fields.next or 0
  if isLost or (first > 0 and first <= now) then recountCounter(read, counter, now) end
  read.held = read.fields.held or 0
  return read
end

local function fits(read, counter, units)
  return counter.limit < 0 or read.used + read.held + units <= counter.limit
end

local function nextRoom(read, counter, units)
  local freed, left = {}, read.used + read.held
  if read.held > 0 then
    local holds = redis.call('HGETALL', read.holdsKey)
    for i = 2, #holds, 2 do
      local expires, amount = string.match(holds[i], '^(%d+) (%d+)')
      freed[#freed + 1] = {tonumber(expires), tonumber(amount)}
    end
  end
  for _, bucket in ipairs(read.live or {}) do
    freed[#freed + 1] = {math.ceil((bucket[1] + BUCKETS + 1) * read.width), bucket[2]}
  end
  if counter['until'] then freed[#freed + 1] = {counter['until'], left} end
  table.sort(freed, function(a, b) return a[1] < b[1] end)
  for _, one in ipairs(freed) do
    left = left - one[2]
    if left + units <= counter.limit then return one[1] end
  end
  return -1
end

local function lastReset(read, counter)
  if counter['until'] then return counter['until'] end
  if not counter.ms then return -1 end
  local newest = read.current
  for _, bucket in ipairs(read.live) do newest = math.max(newest, bucket[1]) end
  return math.ceil((newest + BUCKETS + 1) * read.width)
end

local function addToBalance(read, counter, units, generation)
  local fields, written = read.fields, {}
  local function set(field, value)
    fields[field] = value
    written[#written + 1], written[#written + 2] = field, whole(value)
  end
  set('used', read.used)
  if generation >= 0 then
    local lane = 'lane:' .. whole(generation % 2)
    set(lane, (fields[lane] or 0) + units)
  else
    set('laneless', read.now)
  end
  local from = counter.balance.period or 0
  if from > (fields.from or 0) then set('from', from) end
  writeCounter(read, counter, read.now, unpack(written))
end

local function addUnits(read, counter, units, bucket, generation)
  if units == 0 then return end
  read.used = read.used + units
  if counter.balance and generation then return addToBalance(read, counter, units, generation) end
  if not counter.ms then
    read.fields.used = read.used
    return writeCounter(read, counter, read.now, 'used', whole(read.used))
  end
  if #read.expired >= 10 then
    redis.call('HDEL', read.key, unpack(read.expired, 1, math.min(#read.expired, 1000)))
    read.expired = {}
  end
  local name = whole(bucket or read.current)
  read.fields[name] = (read.fields[name] or 0) + units
  writeCounter(read, counter, read.now, name, whole(read.fields[name]), 'now', whole(read.now))
end

local function holdIn(read, counter, id, units, expires)
  if units == 0 then return end
  read.held = read.held + units
  local known = read.fields.next or 0
  local first = known > 0 and math.min(known, expires) or expires
  redis.call('HSET', read.holdsKey, id, whole(expires) .. ' ' .. whole(units) .. ' ' .. whole(read.current or 0))
  redis.call('PEXPIREAT', read.holdsKey, whole(expires + 3 * DAY))
  read.fields.held, read.fields.next = read.held, first
  writeCounter(read, counter, read.now, 'held', whole(read.held), 'next', whole(first))
end

local function settleIn(read, counter, id, isNew)
  local known = redis.call('HGET', read.holdsKey, id)
  local units, held, bucket = counter.amount or 0, 0, nil
  if known then
    local _, amount, from = string.match(known, '^(%d+) (%d+) (%d+)')
    held, bucket = tonumber(amount), tonumber(from)
    read.held = math.max(0, read.held - held)
    redis.call('HDEL', read.holdsKey, id)
    redis.call('HSET', read.key, 'held', whole(read.held))
  elseif not isNew then
    return
  end
  if counter.recorded or isIncluded(read, counter.xid) then return end
  local isCounted = held > 0 and units > 0
  if not counter.ms then
    addUnits(read, counter, units)
    return isCounted
  end
  local early = math.min(units, held)
  if bucket and bucket >= read.current - BUCKETS then addUnits(read, counter, early, bucket) end
  addUnits(read, counter, units - early, read.current)
  return isCounted
end

local function takeFromBuckets(read, counter, units, target)
  local live = read.live
  table.sort(live, function(a, b)
    local first, second = math.abs(a[1] - target), math.abs(b[1] - target)
    if first == second then return a[1] > b[1] end
    return first < second
  end)
  for _, bucket in ipairs(live) do
    local taken = math.min(bucket[2], units)
    units = units - taken
    if taken > 0 then addUnits(read, counter, -taken, bucket[1]) end
  end
end

local function correctIn(read, counter)
  local isSeeded = read.fields.seeded and counter.isInSeed
  if not isSeeded and not counter.isNew and read.fields.born > counter.since + COUNTED_AFTER then return end
  if not counter.ms then return addUnits(read, counter, math.max(counter.amount, -read.used)) end
  local target, oldest = math.floor(counter.told / read.width), math.floor((counter.told - (counter.heldMs or 0)) / read.width)
  if oldest < read.current - BUCKETS then return end
  if counter.amount > 0 then return addUnits(read, counter, counter.amount, math.min(target, read.current)) end
  takeFromBuckets(read, counter, -counter.amount, target)
end

local function extendIn(read, id, expires)
  local known = redis.call('HGET', read.holdsKey, id)
  if not known then return end
  local _, amount, from = string.match(known, '^(%d+) (%d+) (%d+)')
  redis.call('HSET', read.holdsKey, id, whole(expires) .. ' ' .. amount .. ' ' .. from)
  redis.call('PEXPIREAT', read.holdsKey, whole(expires + 3 * DAY))
end
`
