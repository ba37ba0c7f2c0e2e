/**
 * Lua that the scripts over quotas begin with.
 *
 * An organization's quota of one period is a hash: a field per meter with the units used, `held:<meter>` with the units
 * reserved, `next` (ms) when the first hold expires, `at` (ms) when something was counted last, and `epoch` (ms), which
 * changes whenever a count was set anew. Its holds are another hash: id -> JSON of `expires` (ms) and `amounts` by meter.
 *
 * - `clock(ahead)`: the time of Redis in ms. Isolates' clocks differ; limits go by one.
 * - `openQuota(quotaKey, holdsKey, quota, now)`: the hash as a table, after expired holds were dropped. A count that is
 *   lower than what Postgres says, just read, is raised to it: so a hash that Redis has lost starts again, and what was
 *   admitted while Redis was away counts from then on. `nil` when it is lost and nothing fresh was given.
 */
export const QUOTA_FUNCTIONS = `
local function clock(ahead)
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + ahead
end

local function whole(number) return string.format('%.0f', number) end

local function dropExpired(quotaKey, holdsKey, state, now)
  local holds, first = redis.call('HGETALL', holdsKey), nil
  for i = 1, #holds, 2 do
    local hold = cjson.decode(holds[i + 1])
    if hold.expires <= now then
      redis.call('HDEL', holdsKey, holds[i])
      for meter, amount in pairs(hold.amounts) do
        state['held:' .. meter] = redis.call('HINCRBY', quotaKey, 'held:' .. meter, whole(-amount))
      end
    elseif not first or hold.expires < first then
      first = hold.expires
    end
  end
  if first then redis.call('HSET', quotaKey, 'next', whole(first)) else redis.call('HDEL', quotaKey, 'next') end
end

local function openQuota(quotaKey, holdsKey, quota, now)
  local fields, state = redis.call('HGETALL', quotaKey), {}
  for i = 1, #fields, 2 do state[fields[i]] = tonumber(fields[i + 1]) end
  if quota.recorded then
    for meter, recorded in pairs(quota.recorded) do
      if (state[meter] or -1) < recorded then
        state[meter], state.epoch = recorded, now
        redis.call('HSET', quotaKey, meter, whole(recorded), 'epoch', whole(now), 'at', whole(now))
      end
    end
    redis.call('PEXPIREAT', quotaKey, whole(quota.keepUntil))
  elseif not state.epoch then
    return nil
  end
  if state.next and state.next <= now then dropExpired(quotaKey, holdsKey, state, now) end
  return state
end
`
