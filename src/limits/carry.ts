/**
 * Units that this isolate admitted alone, on their way to the counters of Redis.
 *
 * They go there before the next claim of the same organization is decided. Units older than a few seconds are in Postgres
 * already, so the quota's counter is raised from there (`unseeded` asks for fresh figures): adding them would count them
 * twice. Units of an isolate that dies, or is not asked again, reach the counter with the next fresh row of any isolate, or
 * with the reconciliation of every minute.
 */
import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { createLru } from '../lib/lru.ts'
import { waitFor } from '../lib/waiting.ts'
import { windowKeyOf } from './admission.ts'
import { type Claim, quotaKey } from './claim.ts'
import { BUCKETS } from './window.ts'

/** By then the event of an admission is in Postgres, or in the spool. */
const WRITTEN_AFTER_MS = 3_000
/** Of one organization; beyond this the oldest are left to Postgres. */
const MAX_CLAIMS = 1_000

interface Pending {
  claims: Claim[]
  /** While the units are being added: others wait, so that they are decided by counters that hold them. */
  carrying: Promise<void> | undefined
}

const pending = createLru<Pending>(1_000)
let isAnyPending = false

const ownerOf = ({ quota, windows: [window] }: Claim) => quota?.organizationId ?? window.key

/**
 * KEYS: windows, then quotas. ARGV[1]: JSON of `ahead` (ms), `buckets`, `windows` of { ms, units } and `quotas` of units by
 * meter. Units of a window count from now on, since the isolate's clock is not that of Redis. A quota that is lost starts
 * from Postgres by itself.
 */
const CARRY = defineScript(`
local request = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local clock = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + request.ahead
local function whole(number) return string.format('%.0f', number) end
for i, window in ipairs(request.windows) do
  local width = window.ms / request.buckets
  local now = math.max(clock, tonumber(redis.call('HGET', KEYS[i], 'now') or '0'))
  local life = math.ceil(window.ms + width * 2) + 1000
  redis.call('HINCRBY', KEYS[i], whole(math.floor(now / width)), whole(window.units))
  redis.call('HSETNX', KEYS[i], 'born', whole(clock))
  redis.call('HSET', KEYS[i], 'now', whole(now), 'kept', whole(clock + life * 2))
  redis.call('PEXPIRE', KEYS[i], whole(life * 2))
end
for i, meters in ipairs(request.quotas) do
  local key = KEYS[#request.windows + i]
  if redis.call('HEXISTS', key, 'born') == 1 then
    for meter, units in pairs(meters) do redis.call('HINCRBY', key, meter, whole(units)) end
  end
end
return 1`)

/** Remembers what was admitted without Redis. */
export function keepForLater(claim: Claim): void {
  const owner = ownerOf(claim)
  const known = pending.get(owner) ?? { claims: [], carrying: undefined }
  known.claims.push(claim)
  if (known.claims.length > MAX_CLAIMS) known.claims.shift()
  pending.set(owner, known)
  isAnyPending = true
}

/**
 * Brings what this isolate admitted alone to the counters that a claim is about to be decided by.
 *
 * @returns whether the quota has to be read from Postgres first, where older units are
 * @throws whatever the client throws when Redis fails; the units stay pending
 */
export async function carryPending(deps: Deps, claim: Claim): Promise<boolean> {
  const known = isAnyPending ? pending.get(ownerOf(claim)) : undefined
  if (!known) return false
  if (known.carrying) await waitFor(known.carrying, deps.config.REDIS_TIMEOUT_MS)
  if (known.claims.length === 0) return false
  const claims = known.claims.splice(0)
  const carrying = send(deps, claims)
  known.carrying = carrying.then(
    () => undefined,
    () => undefined,
  )
  try {
    return await carrying
  } catch (error) {
    known.claims.unshift(...claims)
    throw error
  } finally {
    known.carrying = undefined
  }
}

/** @returns whether some of them are left to Postgres */
async function send(deps: Deps, claims: readonly Claim[]): Promise<boolean> {
  const now = deps.now()
  const windows = new Map<string, { ms: number; units: number }>()
  const quotas = new Map<string, Record<string, number>>()
  let isLeftToPostgres = false
  for (const { windows: asked, quota, now: at } of claims) {
    for (const { key, windowMs, cost } of asked) {
      if (cost === 0 || now - at > windowMs) continue
      windows.set(key, { ms: windowMs, units: (windows.get(key)?.units ?? 0) + cost })
    }
    if (!quota) continue
    if (now - at > WRITTEN_AFTER_MS) isLeftToPostgres = true
    else addUnits(quotas, quota)
  }
  const keys = [...[...windows.keys()].map(windowKeyOf), ...quotas.keys()]
  const argument = {
    ahead: deps.redisAheadMs,
    buckets: BUCKETS,
    windows: [...windows.values()],
    quotas: [...quotas.values()],
  }
  if (keys.length > 0) await runScript(deps.redis, CARRY, keys, [JSON.stringify(argument)])
  return isLeftToPostgres
}

function addUnits(
  quotas: Map<string, Record<string, number>>,
  { organizationId, period, meters }: NonNullable<Claim['quota']>,
): void {
  const key = quotaKey(organizationId, period.name)
  const units = quotas.get(key) ?? {}
  for (const { meter, amount } of meters) if (amount > 0) units[meter] = (units[meter] ?? 0) + amount
  quotas.set(key, units)
}
