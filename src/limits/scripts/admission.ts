import { defineScript } from '../../db/script.ts'
import { COUNTER_FUNCTIONS } from './counter.ts'
import { QUOTA_FUNCTIONS } from './quota.ts'
import { WINDOW_FUNCTIONS } from './window.ts'

/**
 * Checks versions, every window and every quota, and takes units from all or from none, in one atomic step.
 *
 * KEYS: each window (scripts/window.ts), then each version, then, with a quota, its text and its holds, with its `from` also the
 * quota of an earlier period, then each counter and its holds (three KEYS each: scripts/counter.ts), then, if given, the
 * marker of a request that must count once.
 * ARGV[1]: JSON. `ahead` (ms); `windows` of { ms, limit, cost }; `versions`; `quota` of {
 * recorded by meter if just read, keepUntil (ms), from (ms: limits/scripts/quota.ts), meters of { name, amount, limit or -1, each } }; `counters`, if any, with
 * `units` to take of each, and `each`; `once` of { ms to remember
 * it, body: a hash of the request }; `lease` of { units wanted in addition, ms, share of the rest that may be taken,
 * minUnits }. `each`: units of a meter or counter per leased unit; 1 for calls, 0 for others if absent.
 *
 * Answer: {'stale', index from 0} | {'unseeded'} | {'uncounted'} | {'reused'} | {outcome, index from 0 of the window or meter that
 * refused or -1, {units taken, bucket that \`reset\` waits for, …}, {units used, held, …}, {units leased, their bucket,
 * the window's born, the quota's born, the balance's born}, generation that counts the calls or -1, whether all versions are known, {units
 * used, held, when it resets (ms) of each counter or -1, …}, {overage under a cap now, and with the request's own}}. `reused`: the marker of ARGV's `once`
 * belongs to a different request.
 *
 * An absent version confirms nothing: an invalidation may have been lost with it. Requests whose rows were read
 * just now (`freshSeconds`) write the versions of these rows, so that later requests have something to compare with.
 *
 * A used-up meter refuses even a request that takes nothing from it, as long as the request takes units of any window: a
 * customer without tokens gets no more verdicts. A request that takes units of no window only reads. A window never goes back
 * in time. Leased units count in the bucket in which the last of them may be spent.
 *
 * Upstash bills each call. So one command reads windows, versions and the quota, and one command writes each window and the quota.
 */
export const ADMIT = defineScript(`${QUOTA_FUNCTIONS}${COUNTER_FUNCTIONS}${WINDOW_FUNCTIONS}
local request = cjson.decode(ARGV[1])
local now = clock(request.ahead)
local windows, versions = #request.windows, #request.versions

local stored, confirmed = redis.call('MGET', unpack(KEYS, 1, windows + versions + (request.quota and 1 or 0))), 1
for i = 1, versions do
  local known = tonumber(stored[windows + i] or -1)
  if known > request.versions[i] then return {'stale', i - 1} end
  if known < request.versions[i] and request.freshSeconds then
    redis.call('SET', KEYS[windows + i], whole(request.versions[i]), 'EX', whole(request.freshSeconds))
  elseif known < request.versions[i] then
    confirmed = 0
  end
end

local ofQuota = request.quota and (request.quota.from and 3 or 2) or 0
local quotaKey, state = KEYS[windows + versions + 1], nil
if request.quota then
  state = openQuota(stored[windows + versions + 1], KEYS[windows + versions + 2], request.quota, now, KEYS[windows + versions + 3])
  if not state then return {'unseeded'} end
end
local meters = request.quota and request.quota.meters or {}

local counters, counted = request.counters or {}, {}
for i, counter in ipairs(counters) do
  local at = windows + versions + ofQuota + i * 3
  counted[i] = openCounter(at - 2, counter, now)
  if not counted[i] then
    saveQuota(quotaKey, state)
    return {counter.from and 'uncounted' or 'unseeded'}
  end
end

local function bucketThatMakesRoom(read, window)
  local left, awaited = read.taken, read.current
  for i = 1, #read.live do
    awaited, left = read.live[i][1], left - read.live[i][2]
    if left + window.cost <= window.limit then break end
  end
  return awaited
end

local function count(readUnits)
  local function add(field, units) set(state, field, (state[field] or 0) + units) end
  for _, meter in ipairs(meters) do
    if meter.amount > 0 then
      add(meter.name, readUnits(meter))
      if isLaned(meter.name) then add(toLane(meter.name, state.generation), readUnits(meter)) end
    end
  end
end

local function callsLeft(meter)
  local each = (meter.each or 0) + meter.spend.perCall
  if each == 0 then return math.huge end
  local charged = (state[meter.name] or 0) + (state['held:' .. meter.name] or 0)
  local calls = (meter.spend.cap - charged - overageOf(state, meter.spend)) / each
  for _, one in ipairs(meter.spend.priced) do
    if one.meter == 'api_calls' and not meter.each then
      calls = calls + math.max(0, one.included - (state.api_calls or 0) - (state['held:api_calls'] or 0))
    end
  end
  return calls
end

local outcome, refused, reads, costs = 'admitted', -1, {}, false
for i, window in ipairs(request.windows) do
  local read = readWindow(stored[i], window, now)
  reads[i] = read
  costs = costs or window.cost > 0
  if window.cost > 0 and read.taken + window.cost > window.limit then
    if outcome == 'admitted' then outcome, refused = 'rate_limited', i - 1 end
    read.awaited = bucketThatMakesRoom(read, window)
  end
end
for i, counter in ipairs(counters) do
  local needed = math.max(counter.units, 1)
  counter.isFull = costs and not fits(counted[i], counter, needed)
  if counter.isFull and outcome == 'admitted' then outcome, refused = 'counter_exceeded', i - 1 end
end
for i, meter in ipairs(meters) do
  local after = (state[meter.name] or 0) + (state['held:' .. meter.name] or 0) + math.max(meter.amount, 1)
  local isFull = meter.limit >= 0 and after > meter.limit
  if outcome == 'admitted' and costs and (isFull or isSpent(state, meter, meters)) then
    outcome, refused = 'quota_exceeded', i - 1
  end
end

local once = request.once and KEYS[#KEYS]
local known = once and redis.call('GET', once)
local isRepeated = known and true
local lease, generation = {0, 0, 0, 0, 0}, state and state.generation or -1
if known then
  local counted, body = string.match(known, '^(-?%d+) (.*)$')
  if body ~= request.once.body then
    saveQuota(quotaKey, state)
    return {'reused'}
  end
  generation = tonumber(counted)
end
if isRepeated then
  outcome, refused = 'admitted', -1
elseif outcome == 'admitted' and costs then
  for i, window in ipairs(request.windows) do
    if window.cost > 0 then addToWindow(reads[i], reads[i].current, window.cost) end
  end
  for i, counter in ipairs(counters) do addUnits(counted[i], counter, counter.units, nil, generation) end
  count(function(meter) return meter.amount end)
  if once then redis.call('SET', once, whole(generation) .. ' ' .. request.once.body, 'PX', whole(request.once.ms)) end
  if request.lease then
    local read, window = reads[1], request.windows[1]
    local units = math.min(request.lease.units, math.floor((window.limit - read.taken) * request.lease.share))
    for _, meter in ipairs(meters) do
      if meter.amount > 0 and meter.limit >= 0 then
        local left = meter.limit - state[meter.name] - (state['held:' .. meter.name] or 0)
        units = math.min(units, math.floor(left * request.lease.share / (meter.each or 1)))
      end
      if meter.spend then units = math.min(units, math.floor(callsLeft(meter) * request.lease.share)) end
    end
    for i, counter in ipairs(counters) do
      if counter.each and counter.limit >= 0 then
        local left = counter.limit - counted[i].used - counted[i].held
        units = math.min(units, math.floor(left * request.lease.share / counter.each))
      end
    end
    if units >= request.lease.minUnits then
      local bucket = math.floor((read.now + request.lease.ms) / read.width)
      addToWindow(read, bucket, units)
      read.awaited = math.max(read.awaited, bucket)
      count(function(meter) return units * (meter.each or 1) end)
      lease = {units, bucket, read.born, state and state.born or 0, 0}
      for i, counter in ipairs(counters) do
        if counter.each then
          addUnits(counted[i], counter, units * counter.each, nil, generation)
          lease[5] = counted[i].fields.born
        end
      end
    end
  end
end

saveQuota(quotaKey, state)
local readings, used = {}, {}
for i, read in ipairs(reads) do
  if read.isChanged then writeWindow(KEYS[i], read, request.windows[i]) end
  readings[i * 2 - 1], readings[i * 2] = read.taken, read.awaited
end
for i, meter in ipairs(meters) do
  used[i * 2 - 1], used[i * 2] = state[meter.name] or 0, state['held:' .. meter.name] or 0
end
local counts = {}
for i, counter in ipairs(counters) do
  local read, isFull = counted[i], counter.isFull and not isRepeated
  local reset = isFull and nextRoom(read, counter, math.max(counter.units, 1)) or lastReset(read, counter)
  counts[i * 3 - 2], counts[i * 3 - 1], counts[i * 3] = read.used, read.held, reset
end
return {outcome, refused, readings, used, lease, generation, confirmed, counts, state and spendOf(state, meters) or {}}`)

/**
 * Returns unspent units of a lease, if the counters they were taken from still exist: the window, the quota and the balance
 * were not lost since, and the generation was not settled. No counter falls below 0.
 *
 * KEYS: the window, the quota's text, the balance if units were taken of one. ARGV: units, their bucket, the window's
 * `born`, the quota's `born`, the generation, the money that each unit took, the balance's `born`.
 */
export const GIVE_BACK = defineScript(`${QUOTA_FUNCTIONS}
local units, bucket, each = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[6])
local function lowered(known, by) return math.max(0, known - by) end

local window = redis.call('GET', KEYS[1]) or ''
local now, born, counts = string.match(window, '^(%d+) (%d+)(.*)$')
if born == ARGV[3] then
  local left = string.gsub(counts, '(%d+) (%d+)', function(one, known)
    if one == bucket then return one .. ' ' .. whole(math.max(0, tonumber(known) - units)) end
  end)
  redis.call('SET', KEYS[1], now .. ' ' .. born .. left, 'KEEPTTL')
end
if KEYS[2] then
  local lane = 'lane:' .. whole(tonumber(ARGV[5]) % 2)
  local state = readQuota(KEYS[2])
  if state.born == tonumber(ARGV[4]) and (state.settled or -1) < tonumber(ARGV[5]) then
    local cost = units * each
    for field, by in pairs({api_calls = units, [lane] = units, cost_usd = cost, [lane .. ':cost_usd'] = cost}) do
      if state[field] then set(state, field, lowered(state[field], by)) end
    end
    saveQuota(KEYS[2], state)
    if KEYS[3] and each > 0 then
      local balance = redis.call('HMGET', KEYS[3], 'born', 'used', lane)
      if balance[1] == ARGV[7] then
        local used, taken = tonumber(balance[2] or '0'), tonumber(balance[3] or '0')
        redis.call('HSET', KEYS[3], 'used', whole(lowered(used, cost)), lane, whole(lowered(taken, cost)))
      end
    end
  end
end
return 1`)
