/** The script that holds units: of a quota's meters and of counters, all or nothing. */
import { defineScript } from '../../db/script.ts'
import { COUNTER_FUNCTIONS } from './counter.ts'
import { QUOTA_FUNCTIONS } from './quota.ts'

/**
 * KEYS: the quota's text, its holds, the versions, with an idempotency key its marker, with `trace` the
 * trace's key, then each counter and its holds (limits/scripts/counter.ts). ARGV[1]: JSON of `ahead` (ms); `quota` as in the admission script; `gauges`, their latest readings; `versions`; `id`; `body` (a
 * hash of the request that belongs to an idempotency key); `period`, the quota's name; `marked` (ms); `ms` until the hold expires; `share`;
 * `maxHolds` of an organization; `counters`, if any, each with the `units` to hold, or the `meter` whose held amount it uses;
 * `about`, which is stored with the hold; and `trace`, text that outlives it by `marked`. All holds are read when the first of them expires.
 *
 * Answer: {'reused'} | {'closed'} (the marker belongs to a different request, or to a hold that ended) | {'elsewhere', the period
 * in which the marker's hold was made} | {'stale'} |
 * {'unseeded'} | {'uncounted'} | {'too_many'} | {'exceeded' | 'counter_exceeded', index from 0 of the meter or counter, 0, used and held of each
 * meter, {}, used, held and reset of each counter, {overage under a cap now, and with the request's own}} | {'held', -1, expiry (ms), the same with the amount held of each meter}. The
 * same id again returns the existing hold.
 *
 * Unlike counters, gauges can fall, so their latest reading replaces the known one.
 */
export const HOLD = defineScript(`${QUOTA_FUNCTIONS}${COUNTER_FUNCTIONS}
local request = cjson.decode(ARGV[1])
local at = 2 + #request.versions
for i, newest in ipairs(redis.call('MGET', unpack(KEYS, 3, at))) do
  if newest and tonumber(newest) > request.versions[i] then return {'stale'} end
end
local now = clock(request.ahead)
local state = openQuota(redis.call('GET', KEYS[1]), KEYS[2], request.quota, now)
if not state then return {'unseeded'} end
local function finish(answer)
  saveQuota(KEYS[1], state)
  return answer
end
local marker, trace
if request.body then at, marker = at + 1, KEYS[at + 1] end
if request.trace then at, trace = at + 1, KEYS[at + 1] end
local counters, counted = request.counters or {}, {}
for i, counter in ipairs(counters) do
  counted[i] = openCounter(at + i * 3 - 2, counter, now)
  if not counted[i] then return finish({counter.from and 'uncounted' or 'unseeded'}) end
end
local function readings(refused, needed)
  local answer = {}
  for i, counter in ipairs(counters) do
    local read = counted[i]
    local reset = i == refused and nextRoom(read, counter, needed) or lastReset(read, counter)
    answer[i * 3 - 2], answer[i * 3 - 1], answer[i * 3] = read.used, read.held, reset
  end
  return answer
end

for meter, value in pairs(request.gauges or {}) do set(state, meter, value) end

local meters, states, amounts, byMeter = request.quota.meters, {}, {}, {}
local function remember()
  for i, meter in ipairs(meters) do
    states[i * 2 - 1], states[i * 2] = state[meter.name] or 0, state['held:' .. meter.name] or 0
  end
end

local marked, known = marker and redis.call('GET', marker), redis.call('HGET', KEYS[2], request.id)
if marked then
  local body, period = string.match(marked, '^(%S+) (%S+)$')
  if body ~= request.body then return finish({'reused'}) end
  if not known then return finish(period == request.period and {'closed'} or {'elsewhere', period}) end
end
if known then
  local hold = cjson.decode(known)
  remember()
  for i, meter in ipairs(meters) do amounts[i] = tonumber(hold.amounts[meter.name] or 0) end
  return finish({'held', -1, hold.expires, states, amounts, readings()})
end

if redis.call('HLEN', KEYS[2]) >= request.maxHolds then return finish({'too_many'}) end
for i, meter in ipairs(meters) do
  local room = meter.limit - (state[meter.name] or 0) - (state['held:' .. meter.name] or 0)
  amounts[i] = meter.amount
  local needed = math.max(meter.amount, meter.needsRoom and 1 or 0)
  if meter.limit >= 0 and needed > 0 then
    if needed > room or isSpent(state, meter, meters) then
      remember()
      return finish({'exceeded', i - 1, 0, states, {}, readings(), spendOf(state, meters)})
    end
    if meter.spend then room = math.min(room, room + meter.spend.cap - meter.limit - spendOf(state, meters)[2]) end
    amounts[i] = math.min(meter.amount, math.max(1, math.floor(room * request.share)))
  end
  if not meter.isGuard then byMeter[meter.name] = whole(amounts[i]) end
end

for i, counter in ipairs(counters) do
  counter.units = tonumber(counter.meter and byMeter[counter.meter] or counter.units)
  local needed = counter.isBalance and math.max(counter.units, 1) or counter.units
  if needed > 0 and not fits(counted[i], counter, needed) then
    remember()
    return finish({'counter_exceeded', i - 1, 0, states, {}, readings(i, needed)})
  end
end

local expires = now + request.ms
if marker then redis.call('SET', marker, request.body .. ' ' .. request.period, 'PX', whole(request.ms + request.marked)) end
if trace then redis.call('SET', trace, request.trace, 'PX', whole(request.ms + request.marked)) end
for i, counter in ipairs(counters) do holdIn(counted[i], counter, request.id, counter.units, expires) end
redis.call('HSET', KEYS[2], request.id, cjson.encode({expires = expires, amounts = byMeter, about = request.about}))
redis.call('PEXPIREAT', KEYS[2], whole(request.keepUntil))
if not state.next or expires < state.next then set(state, 'next', expires) end
for i, meter in ipairs(meters) do
  local field = 'held:' .. meter.name
  if amounts[i] > 0 then set(state, field, (state[field] or 0) + amounts[i]) end
end
remember()
return finish({'held', -1, expires, states, amounts, readings(), spendOf(state, meters)})`)
