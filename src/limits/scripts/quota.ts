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
 * An organization's quota of one period is one text, `field units field units …`, so that one command reads it with the versions and the
 * windows, and one command writes it with its expiry: a field per meter with the used units, `held:<meter>` with the reserved
 * units, `next` (ms) when the first hold expires, and `born` (ms). Its holds are a hash: id -> JSON of
 * `expires` (ms) and `amounts` by meter, as text, because cjson writes numbers with 14 digits.
 *
 * `api_calls` is the sum of three parts. `lane:0` and `lane:1` hold the calls that verifications took in even and odd
 * generations (`generation` is the current one, since `flipped`; `settled` the last that was set to the value in Postgres).
 * The rest is reported usage, which Redis knows only from Postgres. So no two writers change the same part, and each part
 * can be compared with Postgres by itself (docs/internals/decisions/0008). `laneless` (ms) is when calls without a generation were
 * last added: calls that an isolate admitted alone without knowing a generation. They are part of the rest, and not in Postgres yet.
 *
 * `cost_usd`, from which verifications take the price of a call, and each custom counter (`m:<slug>`) work the same way, because verifications
 * take from them and reports add to them: the lanes are `lane:0:m:<slug>` and `lane:1:m:<slug>`. All other meters have one writer.
 *
 * - `clock(ahead)`: the time of Redis in ms. Isolates' clocks differ; limits use this one.
 * - `parseQuota(text)`, `readQuota(key)`: the quota as a table; empty when there is none.
 * - `set(state, field, units)`: changes it, and removes it with `nil`; `saveQuota(key, state)`: writes it if it was changed. A script that returns
 *   early saves before.
 * - `raise(state, recorded)`: raises every part that is lower than the value in Postgres. Idempotent. Returns how many rose.
 * - `addCarried(state, now)`: adds units to a new quota that isolates admitted alone while there was none (limits/outage/carry.ts).
 * - `overageOf(state, spend, meters)`: nano-dollars owed for use above limits, that of holds and, if given, of the request's own amounts
 *   included. `isSpent(state, meter, meters)`: whether a meter's cap refuses. `spendOf(state, meters)`: for the meter with a cap, that without and with the request's own.
 * - `openQuota(text, holdsKey, quota, now, earlierKey)`: the quota as a table, after expired holds were dropped. Fresh figures of
 *   Postgres start a lost one and raise one that is behind. `nil` when it is lost and no fresh figures were given. With `from` (ms), the
 *   start of its period, the figures are not fresh but zeros. A missing quota starts from them only if it is new: if the quota of an
 *   earlier period is older than this period, Redis has lost nothing since.
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

local function overageOf(state, spend, meters)
  local own, sum = {}, 0
  for _, meter in ipairs(meters or {}) do own[meter.name] = meter.amount end
  for _, one in ipairs(spend.priced) do
    local used = (state[one.meter] or 0) + (state['held:' .. one.meter] or 0) + (own[one.meter] or 0)
    local units, from, amount = math.floor(used / one.per) - one.included, 0, 0
    for _, tier in ipairs(one.tiers) do
      local to = tier[1] < 0 and units or math.min(tier[1], units)
      if to > from then amount, from = amount + (to - from) * tier[2], to end
    end
    sum = sum + math.max(one.charged, math.floor(amount + 0.5))
  end
  return sum
end

local function spendOf(state, meters)
  for _, meter in ipairs(meters) do
    if meter.spend then return {overageOf(state, meter.spend), overageOf(state, meter.spend, meters)} end
  end
  return {}
end

local function isSpent(state, meter, meters)
  if not meter.spend then return false end
  local charged = (state[meter.name] or 0) + (state['held:' .. meter.name] or 0)
  local spent = spendOf(state, meters)
  return charged + spent[1] >= meter.spend.cap or charged + meter.amount + spent[2] > meter.spend.cap
end

local function isOlder(earlierKey, from)
  local born = readQuota(earlierKey).born
  return born and born <= from
end

local function openQuota(text, holdsKey, quota, now, earlierKey)
  local state = parseQuota(text)
  local isLost = not state.born
  if isLost and not quota.recorded then return nil end
  if isLost and quota.from and not isOlder(earlierKey, quota.from) then return nil end
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
