import { BUCKETS } from '../window.ts'

/**
 * Lua functions of all scripts over rolling windows, as limits/window.ts counts them. They need `whole`.
 *
 * A window is one text, so that one command reads many, and one command writes each with its expiry: `now born bucket
 * units bucket units …`, oldest bucket first. `now` (ms) is the time it has reached, which never goes back, and `born` (ms)
 * when it was created: a window that was lost has another one.
 *
 * - `readWindow(text, window, now)`: the window as a table, `taken` units in it, buckets that still count in `live`.
 * - `addToWindow(read, bucket, units)`, `writeWindow(key, read, window)`: the lifetime is twice what the last unit needs.
 */
export const WINDOW_FUNCTIONS = `
local function readWindow(text, window, now)
  local numbers = {}
  for number in string.gmatch(text or '', '%d+') do numbers[#numbers + 1] = tonumber(number) end
  local read = {width = window.ms / ${BUCKETS}, live = {}, taken = 0}
  read.now, read.born = math.max(now, numbers[1] or 0), numbers[2] or now
  read.current = math.floor(read.now / read.width)
  read.awaited = read.current
  for i = 3, #numbers, 2 do
    if numbers[i] >= read.current - ${BUCKETS} then
      read.live[#read.live + 1] = {numbers[i], numbers[i + 1]}
      read.taken = read.taken + numbers[i + 1]
    end
  end
  return read
end

local function addToWindow(read, bucket, units)
  read.taken, read.isChanged = read.taken + units, true
  for i = #read.live, 1, -1 do
    if read.live[i][1] == bucket then
      read.live[i][2] = read.live[i][2] + units
      return
    elseif read.live[i][1] < bucket then
      table.insert(read.live, i + 1, {bucket, units})
      return
    end
  end
  table.insert(read.live, 1, {bucket, units})
end

local function writeWindow(key, read, window)
  local parts = {whole(read.now), whole(read.born)}
  for _, bucket in ipairs(read.live) do
    parts[#parts + 1], parts[#parts + 2] = whole(bucket[1]), whole(bucket[2])
  end
  local life = math.ceil(window.ms + read.width * 2) + 1000
  redis.call('SET', key, table.concat(parts, ' '), 'PX', whole(life * 2))
end
`
