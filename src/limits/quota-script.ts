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
 * An organization's quota of one period is one text, `field units field units …`, so that it is read with the versions and the
 * windows by one command, and written with its life by one: a field per meter with the units used, `held:<meter>` with the units
 * reserved, `next` (ms) when the first hold expires, and `born` (ms). Its holds are a hash: id -> JSON of
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
 * - `parseQuota(text)`, `readQuota(key)`: the quota as a table; empty when there is none.
 * - `set(state, field, units)`: changes it, with `nil` removes; `saveQuota(key, state)`: writes it if it was changed. A script that leaves
 *   early saves before.
 * - `raise(state, recorded)`: raises every part that is lower than Postgres says. Idempotent. Returns how many rose.
 * - `addCarried(state, now)`: units that isolates admitted alone while there was no quota (limits/carry.ts) count in a new one.
 * - `openQuota(text, holdsKey, quota, now)`: the quota as a table, after expired holds were dropped. Fresh figures of
 *   Postgres start a lost one and raise one that is behind. `nil` when it is lost and nothing fresh was given.
 */
export const QUOTA_FUNCTIONS = `
local function clock(ahead)
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + ahead
end

local function whole(number) return string.format('%.0f', number) end

local function readHash(key)
  local fields, read = redis.call('HGETALL', key), {}
  for i = 1, #fields, 2 do read[fields[i]] = tonumber(fields[i + 1]) end
  return read
end

local changed, lives = {}, {}
local function set(state, field, units)
  if state[field] ~= units then state[field], changed[state] = units, true end
end

local function parseQuota(text)
  local state = {}
  for field, units in string.gmatch(text or '', '(%S+) (%S+)') do state[field] = tonumber(units) end
  return state
end

local function readQuota(key) return parseQuota(redis.call('GET', key)) end

local function saveQuota(key, state)
  if not state or not (changed[state] or lives[state]) then return end
  local parts = {}
  for field, units in pairs(state) do parts[#parts + 1], parts[#parts + 2] = field, whole(units) end
  redis.call('SET', key, table.concat(parts, ' '), unpack(lives[state] or {'KEEPTTL'}))
  changed[state], lives[state] = nil, nil
end

${LANES}
local function reported(state, meter)
  return (state[meter] or 0) - (state[toLane(meter, 0)] or 0) - (state[toLane(meter, 1)] or 0)
end

local function readLanes(recorded, meter)
  if meter == 'api_calls' then return recorded.lanes or {0, 0} end
  return (recorded.custom_lanes or {})[meter] or {0, 0}
end

local function raise(state, recorded)
  local raised = 0
  local function lift(field, units)
    set(state, field, units)
    raised = raised + 1
  end
  local function raiseLaned(meter, used)
    local lanes = readLanes(recorded, meter)
    local grown = math.max(0, used - lanes[1] - lanes[2] - reported(state, meter))
    for i = 1, 2 do
      local field = toLane(meter, i - 1)
      local missing = lanes[i] - (state[field] or 0)
      if missing > 0 then
        lift(field, lanes[i])
        grown = grown + missing
      end
    end
    if grown > 0 or not state[meter] then lift(meter, (state[meter] or 0) + grown) end
  end
  for meter, used in pairs(recorded) do
    if isLaned(meter) then
      raiseLaned(meter, used)
    elseif type(used) == 'number' and (state[meter] or -1) < used then
      lift(meter, used)
    end
  end
  return raised
end

local function recountHolds(holdsKey, state, now)
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
  for field, amount in pairs(held) do set(state, field, amount) end
  set(state, 'next', first)
end

local function addCarried(state, now)
  local carried = {}
  for field, units in pairs(state) do
    local meter = string.match(field, '^carried:(.*)$')
    if meter then carried[meter] = units end
  end
  for meter, units in pairs(carried) do
    set(state, meter, (state[meter] or 0) + units)
    set(state, 'carried:' .. meter, nil)
    if isLaned(meter) then set(state, 'laneless', now) end
  end
end

local function openQuota(text, holdsKey, quota, now)
  local state = parseQuota(text)
  local isLost = not state.born
  if isLost and not quota.recorded then return nil end
  if isLost then
    set(state, 'born', now)
    set(state, 'generation', 0)
  end
  if quota.recorded then
    raise(state, quota.recorded)
    lives[state] = {'PXAT', whole(quota.keepUntil)}
  end
  if isLost then addCarried(state, now) end
  if isLost or (state.next and state.next <= now) then recountHolds(holdsKey, state, now) end
  return state
end
`
