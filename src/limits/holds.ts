/**
 * Holds: units reserved for work whose cost is known only afterwards. They count against the quota until they are
 * released or expire.
 */

import type { Meter } from '../db/schema/meters.ts'
import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { quotaArgument } from './admission.ts'
import { holdsKey, type MeterState, type QuotaRequest, quotaKey, type Recorded } from './limit-request.ts'
import { QUOTA_FUNCTIONS } from './quota-script.ts'

/**
 * The largest share of the rest that one hold may take, so that a single wild estimate never shuts out everybody else.
 */
const MAX_SHARE_OF_REST = 0.9
/** How long the marker of an idempotency key outlives its hold. */
const MARKED_MS = 24 * 3_600_000
/** The most open holds of an organization in a period. */
const MAX_HOLDS = 5_000

/**
 * KEYS: the quota's hash, its holds, the organization's version, and, with an idempotency key, its marker. ARGV[1]:
 * JSON of `ahead` (ms); `quota` as in the admission script; `gauges`, their latest readings; `version`; `id`; `body` (a
 * hash of the request that an idempotency key stands for); `marked` (ms); `ms` until the hold expires; `share`; and
 * `maxHolds` of an organization. All holds are read when the first of them expires.
 *
 * Answer: {'reused'} | {'closed'} (the marker stands for another request, or for a hold that ended) | {'stale'} |
 * {'unseeded'} | {'too_many'} | {'exceeded', index from 0 of the meter, 0, used and held of each} | {'held', -1, expiry
 * (ms), used and held of each, amount held of each}. The same id again returns the existing hold.
 *
 * Unlike counters, gauges can fall, so their latest reading replaces the known one.
 */
const HOLD = defineScript(`${QUOTA_FUNCTIONS}
local request = cjson.decode(ARGV[1])
local newest = redis.call('GET', KEYS[3])
if newest and tonumber(newest) > request.version then return {'stale'} end
local now = clock(request.ahead)
local state = openQuota(KEYS[1], KEYS[2], request.quota, now)
if not state then return {'unseeded'} end
for meter, value in pairs(request.gauges or {}) do
  state[meter] = value
  redis.call('HSET', KEYS[1], meter, whole(value))
end

local meters, states, amounts, byMeter = request.quota.meters, {}, {}, {}
local function remember()
  for i, meter in ipairs(meters) do
    states[i * 2 - 1], states[i * 2] = state[meter.name] or 0, state['held:' .. meter.name] or 0
  end
end

local marker, known = KEYS[4] and redis.call('GET', KEYS[4]), redis.call('HGET', KEYS[2], request.id)
if marker and marker ~= request.body then return {'reused'} end
if marker and not known then return {'closed'} end
if known then
  local hold = cjson.decode(known)
  remember()
  for i, meter in ipairs(meters) do amounts[i] = tonumber(hold.amounts[meter.name] or 0) end
  return {'held', -1, hold.expires, states, amounts}
end

if redis.call('HLEN', KEYS[2]) >= request.maxHolds then return {'too_many'} end
for i, meter in ipairs(meters) do
  local room = meter.limit - (state[meter.name] or 0) - (state['held:' .. meter.name] or 0)
  amounts[i] = meter.amount
  if meter.limit >= 0 and meter.amount > 0 then
    if meter.amount > room then
      remember()
      return {'exceeded', i - 1, 0, states}
    end
    amounts[i] = math.min(meter.amount, math.max(1, math.floor(room * request.share)))
  end
  byMeter[meter.name] = whole(amounts[i])
end

local expires = now + request.ms
if KEYS[4] then redis.call('SET', KEYS[4], request.body, 'PX', whole(request.ms + request.marked)) end
redis.call('HSET', KEYS[2], request.id, cjson.encode({expires = expires, amounts = byMeter}))
redis.call('PEXPIREAT', KEYS[2], whole(request.keepUntil))
if not state.next or expires < state.next then redis.call('HSET', KEYS[1], 'next', whole(expires)) end
for i, meter in ipairs(meters) do
  local field = 'held:' .. meter.name
  if amounts[i] > 0 then state[field] = redis.call('HINCRBY', KEYS[1], field, whole(amounts[i])) end
end
remember()
return {'held', -1, expires, states, amounts}`)

/**
 * KEYS: the quota's hash, its holds. ARGV: the hold's id, JSON of the use recorded by Postgres. Answer: whether the
 * hold existed. The used units start to count in the same step in which the held ones stop. Held units never fall below
 * 0: a lost hash counts the holds again when it is started.
 */
const RELEASE = defineScript(`${QUOTA_FUNCTIONS}
local state = readQuota(KEYS[1])
if state.born then raise(KEYS[1], state, cjson.decode(ARGV[2])) end
local known = redis.call('HGET', KEYS[2], ARGV[1])
if not known then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
for meter, amount in pairs(cjson.decode(known).amounts) do
  local field = 'held:' .. meter
  if state.born and state[field] then redis.call('HSET', KEYS[1], field, whole(math.max(0, state[field] - tonumber(amount)))) end
end
return 1`)

/** What to hold. The meters of the quota request name the amounts. */
export interface HoldRequest {
  readonly id: string
  /** A hash of the request, if the id stands for an idempotency key. */
  readonly body?: string
  readonly quota: QuotaRequest
  /** Readings of gauges, if they were just read. */
  readonly gauges: Readonly<Partial<Record<Meter, number>>>
  /** The organization's version that the limits were read with, and its Redis key. */
  readonly version: { readonly key: string; readonly version: number }
  readonly ms: number
}

export type Hold =
  | { readonly outcome: 'stale' | 'unseeded' | 'too_many' | 'reused' | 'closed' }
  | { readonly outcome: 'exceeded'; readonly refused: number; readonly meters: readonly MeterState[] }
  | {
      readonly outcome: 'held'
      /** Unix milliseconds by the clock of Redis. */
      readonly expiresAt: number
      readonly meters: readonly MeterState[]
      /**
       * In the order of the request's meters. Less than requested if the request would have taken nearly all that is
       * left.
       */
      readonly amounts: readonly number[]
    }

type Answer = [outcome: Hold['outcome'], refused: number, expires: number, states: number[], amounts?: number[]]

/** Holds the units of all meters, or of none. @throws whatever the client throws when Redis fails */
export async function holdUnits(deps: Deps, { id, body, quota, gauges, version, ms }: HoldRequest): Promise<Hold> {
  const { organizationId, period } = quota
  const keys = [quotaKey(organizationId, period.name), holdsKey(organizationId, period.name), version.key]
  if (body) keys.push(`reserved:${organizationId}:${id}`)
  const argument = {
    ahead: deps.redisAheadMs,
    quota: quotaArgument(quota),
    ...(quota.isFresh && { gauges }),
    version: version.version,
    id,
    body,
    marked: MARKED_MS,
    ms,
    share: MAX_SHARE_OF_REST,
    maxHolds: MAX_HOLDS,
    keepUntil: deps.now() + ms + HOLDS_OUTLIVE_MS,
  }
  const [outcome, refused, expiresAt, states, amounts = []] = await runScript<Answer>(deps.redis, HOLD, keys, [
    JSON.stringify(argument),
  ])
  if (outcome !== 'held' && outcome !== 'exceeded') return { outcome }
  const meters = quota.meters.map((_, at) => ({ used: states[at * 2] ?? 0, held: states[at * 2 + 1] ?? 0 }))
  return outcome === 'exceeded' ? { outcome, refused, meters } : { outcome, expiresAt, meters, amounts }
}

/** A hold may be the last of its period, so the hash is kept for a while after it. */
const HOLDS_OUTLIVE_MS = 3 * 24 * 3_600_000

interface Release {
  readonly organizationId: string
  /** The period's name. */
  readonly period: string
  readonly holdId: string
  /** The use that Postgres has recorded in that period, by meter, in whole units. Empty for another period. */
  readonly recorded: Recorded
}

/** @returns whether the hold existed: not released before and not expired */
export async function releaseHold(deps: Deps, { organizationId, period, holdId, recorded }: Release): Promise<boolean> {
  const keys = [quotaKey(organizationId, period), holdsKey(organizationId, period)]
  const args = [holdId, JSON.stringify(recorded)]
  return (await runScript<number>(deps.redis, RELEASE, keys, args)) === 1
}
