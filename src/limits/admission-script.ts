import { defineScript } from '../db/script.ts'
import { COUNTER_FUNCTIONS } from './counter-script.ts'
import { QUOTA_FUNCTIONS } from './quota-script.ts'

/**
 * Checks versions, every window and every quota, and takes units from all or from none, in one atomic step.
 *
 * KEYS: each window (a hash: units per bucket; `now`, the time it has reached; `born`, when it was created; `kept`,
 * until when it is kept), then each version, then, with a quota, its hash and its holds, then each counter and its
 * holds (three KEYS each: counter-script.ts), then, if given, the marker of a request that must count once.
 * ARGV[1]: JSON. `buckets` of a window; `ahead` (ms); `windows` of { ms, limit, cost }; `versions`; `quota` of {
 * recorded by meter if just read, keepUntil (ms), meters of { name, amount, limit or -1, each } }; `counters`, if any, with
 * `units` to take of each, and `each`; `once` of { ms to remember
 * it, body: a hash of the request }; `lease` of { units wanted in addition, ms, share of the rest that may be taken,
 * minUnits }. `each`: what each leased unit takes of a meter or counter; of calls 1, of others nothing if absent.
 *
 * Answer: {'stale', index from 0} | {'unseeded'} | {'uncounted'} | {'reused'} | {outcome, index from 0 of the window or meter that
 * refused or -1, {units taken, bucket that \`reset\` waits for, …}, {units used, held, …}, {units leased, their bucket,
 * the window's born, the quota's born, the balance's born}, generation that counts the calls or -1, whether all versions are known, {units
 * used, held, when it resets (ms) of each counter or -1, …}}. `reused`: the marker of ARGV's `once`
 * stands for another request.
 *
 * An absent version confirms nothing: an invalidation may have been lost with it. Requests with rows that were read
 * just now (`freshSeconds`) write the versions of these rows, so that later requests have something to compare with.
 *
 * A used-up meter refuses even a request that takes nothing from it: a customer without tokens gets no more verdicts. A
 * window never goes back in time. Leased units count in the bucket in which the last of them may be spent.
 *
 * Upstash bills each call. So all writes to one hash go in one call, old buckets are removed ten at a time, and a
 * window is kept for twice its length, so that its expiry is rarely set again.
 */
export const ADMIT = defineScript(`${QUOTA_FUNCTIONS}${COUNTER_FUNCTIONS}
local request = cjson.decode(ARGV[1])
local now, buckets = clock(request.ahead), request.buckets
local windows, versions = #request.windows, #request.versions

local confirmed = 1
if versions > 0 then
  local newest = redis.call('MGET', unpack(KEYS, windows + 1, windows + versions))
  for i = 1, versions do
    local known = tonumber(newest[i] or -1)
    if known > request.versions[i] then return {'stale', i - 1} end
    if known < request.versions[i] and request.freshSeconds then
      redis.call('SET', KEYS[windows + i], whole(request.versions[i]), 'EX', whole(request.freshSeconds))
    elseif known < request.versions[i] then
      confirmed = 0
    end
  end
end

local quotaKey, state = KEYS[windows + versions + 1], nil
if request.quota then
  state = openQuota(quotaKey, KEYS[windows + versions + 2], request.quota, now)
  if not state then return {'unseeded'} end
end
local meters = request.quota and request.quota.meters or {}

local counters, counted = request.counters or {}, {}
for i, counter in ipairs(counters) do
  local at = windows + versions + (request.quota and 2 or 0) + i * 3
  counted[i] = openCounter(at - 2, counter, now)
  if not counted[i] then return {counter.from and 'uncounted' or 'unseeded'} end
end

local function readWindow(key, window)
  local counts = redis.call('HGETALL', key)
  local read = {now = now, fields = {}, live = {}, expired = {}, taken = 0, width = window.ms / buckets}
  for i = 1, #counts, 2 do read.fields[counts[i]] = tonumber(counts[i + 1]) end
  read.now = math.max(now, read.fields.now or 0)
  read.born = read.fields.born or now
  read.current = math.floor(read.now / read.width)
  read.awaited = read.current
  for i = 1, #counts, 2 do
    local bucket = tonumber(counts[i])
    if bucket and bucket >= read.current - buckets then
      read.live[#read.live + 1] = {bucket, tonumber(counts[i + 1])}
      read.taken = read.taken + tonumber(counts[i + 1])
    elseif bucket then
      read.expired[#read.expired + 1] = counts[i]
    end
  end
  return read
end

local function bucketThatMakesRoom(read, window)
  table.sort(read.live, function(a, b) return a[1] < b[1] end)
  local left, awaited = read.taken, read.current
  for i = 1, #read.live do
    awaited, left = read.live[i][1], left - read.live[i][2]
    if left + window.cost <= window.limit then break end
  end
  return awaited
end

local function add(key, read, window, bucket, units)
  if #read.expired >= 10 then
    redis.call('HDEL', key, unpack(read.expired))
    read.expired = {}
  end
  local fields, life = read.fields, math.ceil(window.ms + read.width * 2) + 1000
  local name, isLasting = whole(bucket), (fields.kept or 0) >= now + life
  fields[name] = (fields[name] or 0) + units
  if not isLasting then fields.kept = now + life * 2 end
  redis.call('HSET', key, name, whole(fields[name]), 'now', whole(read.now), 'born', whole(read.born), 'kept', whole(fields.kept))
  if not isLasting then redis.call('PEXPIRE', key, whole(life * 2)) end
  read.taken = read.taken + units
end

local function count(readUnits)
  if not state then return end
  local written = {}
  local function add(field, units)
    state[field] = (state[field] or 0) + units
    written[#written + 1], written[#written + 2] = field, whole(state[field])
  end
  for _, meter in ipairs(meters) do
    if meter.amount > 0 then
      add(meter.name, readUnits(meter))
      if isLaned(meter.name) then add(toLane(meter.name, state.generation), readUnits(meter)) end
    end
  end
  if #written > 0 then redis.call('HSET', quotaKey, unpack(written)) end
end

local outcome, refused, reads, costs = 'admitted', -1, {}, false
for i, window in ipairs(request.windows) do
  local read = readWindow(KEYS[i], window)
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
  if outcome == 'admitted' and costs and meter.limit >= 0 and after > meter.limit then
    outcome, refused = 'quota_exceeded', i - 1
  end
end

local once = request.once and KEYS[#KEYS]
local known = once and redis.call('GET', once)
local isRepeated = known and true
local lease, generation = {0, 0, 0, 0, 0}, state and state.generation or -1
if known then
  local counted, body = string.match(known, '^(-?%d+) (.*)$')
  if body ~= request.once.body then return {'reused'} end
  generation = tonumber(counted)
end
if isRepeated then
  outcome, refused = 'admitted', -1
elseif outcome == 'admitted' and costs then
  for i, window in ipairs(request.windows) do
    if window.cost > 0 then add(KEYS[i], reads[i], window, reads[i].current, window.cost) end
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
    end
    for i, counter in ipairs(counters) do
      if counter.each and counter.limit >= 0 then
        local left = counter.limit - counted[i].used - counted[i].held
        units = math.min(units, math.floor(left * request.lease.share / counter.each))
      end
    end
    if units >= request.lease.minUnits then
      local bucket = math.floor((read.now + request.lease.ms) / read.width)
      add(KEYS[1], read, window, bucket, units)
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

local readings, used = {}, {}
for i, read in ipairs(reads) do
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
return {outcome, refused, readings, used, lease, generation, confirmed, counts}`)

/**
 * Returns unspent units of a lease, if the counts they were taken from still exist: the window, the quota and the balance
 * were not lost since, and the generation was not settled. No count falls below 0.
 *
 * KEYS: the window, the quota's hash, the balance if units were taken of one. ARGV: units, their bucket, the window's
 * `born`, the quota's `born`, the generation, what each unit took of money, the balance's `born`.
 */
export const GIVE_BACK = defineScript(`
local units, bucket, each = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[6])
local function lower(key, field, units)
  local left = tonumber(redis.call('HGET', key, field) or '0')
  if left > 0 then redis.call('HINCRBY', key, field, string.format('%.0f', -math.min(units, left))) end
end
if redis.call('HGET', KEYS[1], 'born') == ARGV[3] then lower(KEYS[1], bucket, units) end
if KEYS[2] then
  local quota = redis.call('HMGET', KEYS[2], 'born', 'settled')
  if quota[1] == ARGV[4] and tonumber(quota[2] or '-1') < tonumber(ARGV[5]) then
    local lane = 'lane:' .. string.format('%.0f', tonumber(ARGV[5]) % 2)
    lower(KEYS[2], 'api_calls', units)
    lower(KEYS[2], lane, units)
    if each > 0 then
      lower(KEYS[2], 'cost_usd', units * each)
      lower(KEYS[2], lane .. ':cost_usd', units * each)
    end
    if KEYS[3] and redis.call('HGET', KEYS[3], 'born') == ARGV[7] then
      lower(KEYS[3], 'used', units * each)
      lower(KEYS[3], lane, units * each)
    end
  end
end
return 1`)
