import { Ratelimit, type RatelimitConfig } from '@upstash/ratelimit'
import type { Redis } from '@upstash/redis/cloudflare'
import { defineScript, runScript } from '../db/script.ts'
import { BUCKETS, readingOf, type WindowReading } from './window.ts'

/** One quota to take from. Amounts are whole units of the meter. */
export interface QuotaClaim {
  /** The counter's Redis key. */
  readonly counter: string
  readonly amount: number
  /** What may be used in all; `null` counts without a limit. */
  readonly limit: number | null
  /** What Postgres said was used, when it was last asked. */
  readonly recorded: number
  /** Whether it was asked just now: then a counter that Redis has lost starts from it. */
  readonly isFresh: boolean
  /** Unix milliseconds after which the counter is of no use. */
  readonly keepUntil: number
}

/** What a verification wants to take, all or nothing, and which cached rows it was decided from. */
export interface Claim {
  /** Unix milliseconds. */
  readonly now: number
  readonly cost: number
  readonly windowKey: string
  readonly windowMs: number
  readonly limit: number
  readonly quotas: readonly QuotaClaim[]
  readonly versions: readonly { readonly key: string; readonly version: number }[]
}

/**
 * - `stale`: the cached row at that index of `versions` is outdated. Nothing was decided or taken.
 * - `unseeded`: Redis lacks a counter and no fresh figure was given. Nothing was decided or taken.
 */
export type Admission =
  | { readonly outcome: 'stale'; readonly index: number }
  | { readonly outcome: 'unseeded' }
  | {
      readonly outcome: 'admitted' | 'rate_limited' | 'quota_exceeded'
      readonly window: WindowReading
      /** Units used, in the order of the claim's quotas, after this claim. */
      readonly used: readonly number[]
    }

/**
 * Checks versions, the rate limit's window and every quota, and takes from all or from none, in one atomic step.
 *
 * KEYS: the window (a hash: a count per bucket, and the time it has reached), then one key per version, then one counter
 * per quota.
 * ARGV: now (ms), window (ms), limit, cost, buckets, how many versions, each version, then per quota: amount, limit (-1
 * for none), the recorded figure to start from ('' for none), keep until (ms).
 * Answer: {'stale', index from 0} | {'unseeded'} | {outcome, units in the window, the bucket that `reset` waits for, used
 * of each quota}.
 *
 * A counter that is lower than what Postgres says, just read, is raised to it: what isolates admitted while Redis was away
 * counts from then on.
 *
 * The window never goes back in time: isolates' clocks differ, and one that lags must not reopen what others closed.
 */
const ADMIT = defineScript(`
local now, window, limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local buckets, versions = tonumber(ARGV[5]), tonumber(ARGV[6])
for i = 1, versions do
  local newest = redis.call('GET', KEYS[1 + i])
  if newest and tonumber(newest) > tonumber(ARGV[6 + i]) then return {'stale', i - 1} end
end

local used, quotas, full = {}, #KEYS - 1 - versions, false
for i = 1, quotas do
  local counter, at = KEYS[1 + versions + i], 6 + versions + (i - 1) * 4
  local amount, most, recorded = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3]
  local count = redis.call('GET', counter)
  if not count then
    if recorded == '' then return {'unseeded'} end
    redis.call('SET', counter, recorded)
    redis.call('PEXPIREAT', counter, ARGV[at + 4])
    count = recorded
  elseif recorded ~= '' and tonumber(recorded) > tonumber(count) then
    redis.call('SET', counter, recorded, 'KEEPTTL')
    count = recorded
  end
  used[i] = tonumber(count)
  if amount > 0 and most >= 0 and used[i] + amount > most then full = true end
end

local counts, live, expired, taken = redis.call('HGETALL', KEYS[1]), {}, {}, 0
for i = 1, #counts, 2 do
  if counts[i] == 'now' then now = math.max(now, tonumber(counts[i + 1])) end
end
local width = window / buckets
local current = math.floor(now / width)
for i = 1, #counts, 2 do
  local bucket = tonumber(counts[i])
  if bucket and bucket >= current - buckets then
    live[#live + 1] = {bucket, tonumber(counts[i + 1])}
    taken = taken + live[#live][2]
  elseif bucket then
    expired[#expired + 1] = counts[i]
  end
end

local outcome, awaited = 'admitted', current
if cost > 0 and taken + cost > limit then
  outcome = 'rate_limited'
  table.sort(live, function(a, b) return a[1] < b[1] end)
  local left = taken
  for i = 1, #live do
    awaited, left = live[i][1], left - live[i][2]
    if left + cost <= limit then break end
  end
elseif full then
  outcome = 'quota_exceeded'
elseif cost > 0 then
  taken = taken + cost
  if #expired > 0 then redis.call('HDEL', KEYS[1], unpack(expired)) end
  redis.call('HINCRBY', KEYS[1], string.format('%d', current), cost)
  redis.call('HSET', KEYS[1], 'now', string.format('%d', now))
  redis.call('PEXPIRE', KEYS[1], math.ceil(window + width) + 1000)
  for i = 1, quotas do
    local amount = tonumber(ARGV[6 + versions + (i - 1) * 4 + 1])
    if amount > 0 then used[i] = redis.call('INCRBY', KEYS[1 + versions + i], amount) end
  end
end

local answer = {outcome, taken, awaited}
for i = 1, quotas do answer[3 + i] = used[i] end
return answer`)

type Answer =
  | [outcome: 'stale', index: number]
  | [outcome: 'unseeded']
  | [outcome: 'admitted' | 'rate_limited' | 'quota_exceeded', taken: number, awaited: number, ...used: number[]]

/**
 * Takes what a claim asks for, or nothing. One round trip.
 *
 * It goes through \@upstash/ratelimit as an algorithm of ours: the stock ones take `rate: n` when a single unit fits, so
 * they overshoot, and what they took from the window a refused quota would have to give back (docs/decisions/0001).
 *
 * @throws whatever the client throws when Redis fails or is slower than its timeout; what then happened is unknown
 */
export async function admit(redis: Redis, claim: Claim): Promise<Admission> {
  let admission: Admission = { outcome: 'unseeded' }
  const limiter = new Ratelimit({
    redis,
    prefix: 'window',
    timeout: 0, // its own timeout answers "success"; the client's throws
    ephemeralCache: false,
    limiter: allOrNothing(claim, (result) => {
      admission = result
    }),
  })
  await limiter.limit(claim.windowKey, { rate: claim.cost })
  return admission
}

/** The algorithm for one claim; `report` gets what the interface of \@upstash/ratelimit has no place for. */
function allOrNothing(claim: Claim, report: (admission: Admission) => void): RatelimitConfig['limiter'] {
  async function take(redis: Pick<Redis, 'evalsha' | 'eval'>, windowKey: string, cost: number) {
    const admission = readAnswer(claim, await runAdmit(redis, windowKey, cost, claim))
    report(admission)
    return admission
  }
  return () => ({
    async limit(ctx, identifier, rate = claim.cost) {
      const admission = await take(ctx.redis, identifier, rate)
      const window = 'window' in admission ? admission.window : { limit: claim.limit, remaining: 0, reset: claim.now }
      return { success: admission.outcome === 'admitted', ...window, pending: Promise.resolve() }
    },
    async getRemaining(ctx, identifier) {
      const admission = await take(ctx.redis, identifier, 0)
      return 'window' in admission ? admission.window : { limit: claim.limit, remaining: 0, reset: claim.now }
    },
    async resetTokens(ctx, identifier) {
      await ctx.redis.eval("return redis.call('DEL', KEYS[1])", [identifier], [])
    },
  })
}

function runAdmit(redis: Pick<Redis, 'evalsha' | 'eval'>, windowKey: string, cost: number, claim: Claim) {
  const keys = [windowKey, ...claim.versions.map(({ key }) => key), ...claim.quotas.map(({ counter }) => counter)]
  const args: (string | number)[] = [claim.now, claim.windowMs, claim.limit, cost, BUCKETS, claim.versions.length]
  for (const { version } of claim.versions) args.push(version)
  for (const quota of claim.quotas) {
    args.push(quota.amount, quota.limit ?? -1, quota.isFresh ? quota.recorded : '', quota.keepUntil)
  }
  return runScript<Answer>(redis, ADMIT, keys, args)
}

function readAnswer(claim: Claim, answer: Answer): Admission {
  if (answer[0] === 'stale') return { outcome: 'stale', index: answer[1] }
  if (answer[0] === 'unseeded') return { outcome: 'unseeded' }
  const [outcome, taken, awaited, ...used] = answer
  return { outcome, window: readingOf(claim, taken, awaited), used }
}
