import type { Deps } from '../../deps.ts'

/** After this time the event of an admission is in Postgres, or in the spool. */
const WRITTEN_AFTER_MS = 8_000
/** The same with a queue: the platform gathers messages, and delivers them again if a consumer fails. */
const QUEUED_MS = 60_000

/** How long the event of an admission may take to reach Postgres. */
export const writtenAfterMs = ({ usageQueue }: Pick<Deps, 'usageQueue'>): number =>
  usageQueue ? QUEUED_MS : WRITTEN_AFTER_MS

/**
 * Lua functions that start a counter of limits/scripts/counter.ts, and that count usage once if it arrives while the counter is lost, or
 * if the seed may include it.
 */
export const START_FUNCTIONS = `
local MARK_LIVES = 100 * 86400000
local WAITS = 3600000

local function contains(snapshot, xid)
  local first, next, running = string.match(snapshot, '^(%d+):(%d+):(.*)$')
  if xid < tonumber(first) then return true end
  if xid >= tonumber(next) then return false end
  for one in string.gmatch(running, '%d+') do
    if tonumber(one) == xid then return false end
  end
  return true
end

local function isIncluded(read, xid)
  if not xid or not read.fields.seeded then return false end
  return contains(redis.call('HGET', read.key, 'snapshot'), xid)
end

local function keepLate(key, field, units)
  redis.call('HINCRBY', key, field, whole(units))
  redis.call('PEXPIRE', key, whole(WAITS))
end

local function sumLate(read, snapshot, now)
  local sum = 0
  for field, units in pairs(read.fields) do
    local kind, at = string.match(field, '^(%a+):(%d+)$')
    local isIn = snapshot and kind == 'late' and contains(snapshot, tonumber(at))
    local isOld = snapshot and kind == 'unwritten' and tonumber(at) < now
    if kind and not isIn and not isOld then sum = sum + units end
    if kind then redis.call('HDEL', read.key, field) end
  end
  return sum
end

local function beginCounter(read, sinceKey, counter, now)
  if not counter.from then
    return (not counter.isSeeded or counter.recorded or counter.seed) and (counter.seed or 0)
  end
  local since = redis.call('GETEX', sinceKey, 'PX', whole(MARK_LIVES))
  if since and tonumber(since) <= counter.from then return sumLate(read, nil, now) end
  if not counter.seed then return nil end
  if not since then redis.call('SET', sinceKey, counter.isFirst and '0' or whole(now), 'PX', whole(MARK_LIVES)) end
  redis.call('HSET', read.key, 'seeded', whole(now), 'snapshot', counter.snapshot)
  read.fields.seeded = now
  return math.max(0, counter.seed + sumLate(read, counter.snapshot, now))
end
`
