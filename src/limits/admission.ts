import { Ratelimit, type RatelimitConfig } from '@upstash/ratelimit'
import type { Redis } from '@upstash/redis/cloudflare'
import { defineScript, runScript } from '../db/script.ts'
import { fitsAt, remainingIn, type WindowState, windowEnd } from './window.ts'

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

export interface WindowReading {
  readonly limit: number
  readonly remaining: number
  /** Unix milliseconds: the window's end, or for a refused claim the moment at which it will fit. */
  readonly reset: number
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
 * KEYS: the window (a hash), then one key per version, then one counter per quota.
 * ARGV: now (ms), window (ms), limit, cost, how many versions, each version, then per quota: amount, limit (-1 for
 * none), seed ('' for none), keep until (ms).
 * Answer: {'stale', index from 0} | {'unseeded'} | {outcome, now, current, previous, used of each quota}.
 *
 * The window never goes back in time: isolates' clocks differ, and one that lags must not reopen what others closed.
 */
const ADMIT = defineScript(`
local now, window, limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local versions = tonumber(ARGV[5])
for i = 1, versions do
  local newest = redis.call('GET', KEYS[1 + i])
  if newest and tonumber(newest) > tonumber(ARGV[5 + i]) then return {'stale', i - 1} end
end

local used, quotas = {}, #KEYS - 1 - versions
local full = false
for i = 1, quotas do
  local counter, at = KEYS[1 + versions + i], 5 + versions + (i - 1) * 4
  local amount, most, seed = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3]
  local count = redis.call('GET', counter)
  if not count then
    if seed == '' then return {'unseeded'} end
    redis.call('SET', counter, seed)
    redis.call('PEXPIREAT', counter, ARGV[at + 4])
    count = seed
  end
  used[i] = tonumber(count)
  if amount > 0 and most >= 0 and used[i] + amount > most then full = true end
end

local state = redis.call('HMGET', KEYS[1], 'now', 'index', 'current', 'previous')
now = math.max(now, tonumber(state[1] or 0))
local index = math.floor(now / window)
local last = tonumber(state[2] or -2)
local current, previous = 0, 0
if last == index then
  current, previous = tonumber(state[3]), tonumber(state[4])
elseif last == index - 1 then
  previous = tonumber(state[3])
end
local share = math.ceil(previous * (1 - (now % window) / window))

local outcome = 'admitted'
if cost > 0 and share + current + cost > limit then
  outcome = 'rate_limited'
elseif full then
  outcome = 'quota_exceeded'
elseif cost > 0 then
  current = current + cost
  redis.call('HSET', KEYS[1], 'now', now, 'index', index, 'current', current, 'previous', previous)
  redis.call('PEXPIRE', KEYS[1], window * 2 + 1000)
  for i = 1, quotas do
    local amount = tonumber(ARGV[5 + versions + (i - 1) * 4 + 1])
    if amount > 0 then used[i] = redis.call('INCRBY', KEYS[1 + versions + i], amount) end
  end
end

local answer = {outcome, now, current, previous}
for i = 1, quotas do answer[4 + i] = used[i] end
return answer`)

type Answer =
  | [outcome: 'stale', index: number]
  | [outcome: 'unseeded']
  | [
      outcome: 'admitted' | 'rate_limited' | 'quota_exceeded',
      now: number,
      current: number,
      previous: number,
      ...used: number[],
    ]

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
    const admission = readAnswer(claim, cost, await runAdmit(redis, windowKey, cost, claim))
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
  const args: (string | number)[] = [claim.now, claim.windowMs, claim.limit, cost, claim.versions.length]
  for (const { version } of claim.versions) args.push(version)
  for (const quota of claim.quotas)
    args.push(quota.amount, quota.limit ?? -1, quota.isFresh ? quota.recorded : '', quota.keepUntil)
  return runScript<Answer>(redis, ADMIT, keys, args)
}

function readAnswer(claim: Claim, cost: number, answer: Answer): Admission {
  if (answer[0] === 'stale') return { outcome: 'stale', index: answer[1] }
  if (answer[0] === 'unseeded') return { outcome: 'unseeded' }
  const [outcome, now, current, previous, ...used] = answer
  const state: WindowState = { now, windowMs: claim.windowMs, limit: claim.limit, current, previous }
  return { outcome, window: readWindow(state, outcome === 'rate_limited' ? cost : undefined), used }
}

/** @param refusedCost what did not fit, if this window was the reason */
export function readWindow(state: WindowState, refusedCost?: number): WindowReading {
  const reset = refusedCost === undefined ? windowEnd(state) : fitsAt(state, refusedCost)
  return { limit: state.limit, remaining: remainingIn(state), reset }
}
