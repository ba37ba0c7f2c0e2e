/** Lua: which meters verifications take from, and the field of a meter's lane. */
const LANES = `
local function isLaned(meter) return meter == 'api_calls' or meter == 'cost_usd' or string.sub(meter, 1, 2) == 'm:' end

local function toLane(meter, generation)
  local lane = 'lane:' .. string.format('%.0f', generation % 2)
  return meter == 'api_calls' and lane or lane .. ':' .. meter
end
`

/**
 * Lua functions that all scripts over quotas share.
 *
 * An organization's quota of one period is a hash: a field per meter with the units used, `held:<meter>` with the units
 * reserved, `next` (ms) when the first hold expires, and `born` (ms). Its holds are another hash: id -> JSON of
 * `expires` (ms) and `amounts` by meter, as text, because cjson writes numbers with 14 digits.
 *
 * `api_calls` is the sum of three parts. `lane:0` and `lane:1` hold the calls that verifications took in even and odd
 * generations (`generation` is the current one, since `flipped`; `settled` the last that was set to what Postgres says).
 * The rest is reported usage, which Redis knows from Postgres alone. So no two writers change the same part, and each part
 * can be compared with Postgres by itself (docs/internals/decisions/0008). `laneless` (ms) is when calls of no generation were
 * added last, which an isolate admitted alone that knew none: they are among the rest, and not in Postgres yet.
 *
 * So are `cost_usd`, of which verifications take what a call costs, and each custom counter (`m:<slug>`), since verifications
 * take from it and reports add to it: its lanes are `lane:0:m:<slug>` and `lane:1:m:<slug>`. All other meters have one writer.
 *
 * - `clock(ahead)`: the time of Redis in ms. Isolates' clocks differ; limits go by one.
 * - `raise(key, state, recorded)`: raises every part that is lower than Postgres says. Idempotent. Returns how many rose.
 * - `addCarried(key, state, now)`: units that isolates admitted alone while there was no hash (limits/carry.ts) count in a new one.
 * - `openQuota(quotaKey, holdsKey, quota, now)`: the hash as a table, after expired holds were dropped. Fresh figures of
 *   Postgres start a lost hash and raise one that is behind. `nil` when it is lost and nothing fresh was given.
 */
export const QUOTA_FUNCTIONS = `
local function clock(ahead)
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + ahead
end

local function whole(number) return string.format('%.0f', number) end

local function readQuota(key)
  local fields, state = redis.call('HGETALL', key), {}
  for i = 1, #fields, 2 do state[fields[i]] = tonumber(fields[i + 1]) end
  return state
end

${LANES}
local function reported(state, meter)
  return (state[meter] or 0) - (state[toLane(meter, 0)] or 0) - (state[toLane(meter, 1)] or 0)
end

local function readLanes(recorded, meter)
  if meter == 'api_calls' then return recorded.lanes or {0, 0} end
  return (recorded.custom_lanes or {})[meter] or {0, 0}
end

local function raise(key, state, recorded)
  local written, raised = {}, 0
  local function set(field, value)
    state[field], raised = value, raised + 1
    written[#written + 1], written[#written + 2] = field, whole(value)
  end
  local function raiseLaned(meter, used)
    local lanes = readLanes(recorded, meter)
    local grown = math.max(0, used - lanes[1] - lanes[2] - reported(state, meter))
    for i = 1, 2 do
      local field = toLane(meter, i - 1)
      local missing = lanes[i] - (state[field] or 0)
      if missing > 0 then
        set(field, lanes[i])
        grown = grown + missing
      end
    end
    if grown > 0 or not state[meter] then set(meter, (state[meter] or 0) + grown) end
  end
  for meter, used in pairs(recorded) do
    if isLaned(meter) then
      raiseLaned(meter, used)
    elseif type(used) == 'number' and (state[meter] or -1) < used then
      set(meter, used)
    end
  end
  if raised > 0 then redis.call('HSET', key, unpack(written)) end
  return raised
end

local function recountHolds(quotaKey, holdsKey, state, now)
  local holds, first, held = redis.call('HGETALL', holdsKey), nil, {}
  for field in pairs(state) do
    if string.sub(field, 1, 5) == 'held:' then held[field] = 0 end
  end
  for i = 1, #holds, 2 do
    local hold = cjson.decode(holds[i + 1])
    if hold.expires <= now then
      redis.call('HDEL', holdsKey, holds[i])
    else
      for meter, amount in pairs(hold.amounts) do
        held['held:' .. meter] = (held['held:' .. meter] or 0) + tonumber(amount)
      end
      if not first or hold.expires < first then first = hold.expires end
    end
  end
  for field, amount in pairs(held) do
    state[field] = amount
    redis.call('HSET', quotaKey, field, whole(amount))
  end
  state.next = first
  if first then redis.call('HSET', quotaKey, 'next', whole(first)) else redis.call('HDEL', quotaKey, 'next') end
end

local function addCarried(key, state, now)
  local carried = {}
  for field, units in pairs(state) do
    local meter = string.match(field, '^carried:(.*)$')
    if meter then carried[meter] = units end
  end
  for meter, units in pairs(carried) do
    state[meter] = (state[meter] or 0) + units
    redis.call('HSET', key, meter, whole(state[meter]))
    redis.call('HDEL', key, 'carried:' .. meter)
    if isLaned(meter) then redis.call('HSET', key, 'laneless', whole(now)) end
  end
end

local function openQuota(quotaKey, holdsKey, quota, now)
  local state = readQuota(quotaKey)
  local isLost = not state.born
  if isLost and not quota.recorded then return nil end
  if isLost then
    state.born, state.generation = now, 0
    redis.call('HSET', quotaKey, 'born', whole(now), 'generation', '0')
  end
  if quota.recorded then
    raise(quotaKey, state, quota.recorded)
    redis.call('PEXPIREAT', quotaKey, whole(quota.keepUntil))
  end
  if isLost then addCarried(quotaKey, state, now) end
  if isLost or (state.next and state.next <= now) then recountHolds(quotaKey, holdsKey, state, now) end
  return state
end
`
