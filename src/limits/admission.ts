import { Ratelimit, type RatelimitConfig } from '@upstash/ratelimit'
import type { Redis } from '@upstash/redis/cloudflare'
import { runScript } from '../db/script.ts'
import { ADMIT } from './admission-script.ts'
import {
  type Admission,
  findNeverFitting,
  holdsKey,
  keepUntil,
  type LeaseRequest,
  type LimitRequest,
  type QuotaRequest,
  quotaKey,
} from './limit-request.ts'
import { VERSION_LIFETIME_SECONDS } from './versions.ts'
import { BUCKETS, toReading } from './window.ts'

/** A month and more: a client that repeats itself for longer than this has stopped meaning the same request. */
const ONCE_MS = 24 * 3_600_000
/** What \@upstash/ratelimit puts before an identifier. */
const PREFIX = 'window'

type Answer =
  | ['stale', index: number]
  | ['unseeded']
  | ['reused']
  | [
      outcome: 'admitted' | 'rate_limited' | 'quota_exceeded',
      refused: number,
      windows: number[],
      meters: number[],
      lease: [units: number, bucket: number, born: number, quotaBorn: number],
      generation: number,
      confirmed: 0 | 1,
    ]

/**
 * Takes what a claim asks for, or nothing. One round trip.
 *
 * It goes through \@upstash/ratelimit as an algorithm of ours: the stock ones take `rate: n` when a single unit fits, so
 * they overshoot, and what they took from the window a refused quota would have to give back (docs/decisions/0001).
 *
 * @param lease units wanted beyond the claim's own, if any
 * @throws whatever the client throws when Redis fails or is slower than its timeout; what then happened is unknown
 */
export async function admit(redis: Redis, claim: LimitRequest, lease?: LeaseRequest): Promise<Admission> {
  let admission: Admission = { outcome: 'unseeded' }
  const limiter = new Ratelimit({
    redis,
    prefix: PREFIX,
    timeout: 0, // its own timeout answers "success"; the client's throws
    ephemeralCache: false,
    limiter: allOrNothing(claim, lease, (result) => {
      admission = result
    }),
  })
  await limiter.limit(claim.windows[0].key, { rate: claim.windows[0].cost })
  return admission
}

/** The algorithm for one claim; `report` gets what the interface of \@upstash/ratelimit has no place for. */
function allOrNothing(
  claim: LimitRequest,
  lease: LeaseRequest | undefined,
  report: (admission: Admission) => void,
): RatelimitConfig['limiter'] {
  async function take(redis: Pick<Redis, 'evalsha' | 'eval'>, windowKey: string) {
    const admission = readAnswer(claim, await runAdmit(redis, windowKey, claim, lease))
    report(admission)
    const { limit } = claim.windows[0]
    const window = 'windows' in admission ? admission.windows[0] : undefined
    const success = admission.outcome === 'admitted'
    return { success, ...(window ?? { limit, remaining: 0, reset: claim.now }), pending: Promise.resolve() }
  }
  return () => ({
    limit: (ctx, identifier) => take(ctx.redis, identifier),
    getRemaining: (ctx, identifier) => take(ctx.redis, identifier),
    async resetTokens(ctx, identifier) {
      await ctx.redis.eval("return redis.call('DEL', KEYS[1])", [identifier], [])
    },
  })
}

function runAdmit(
  redis: Pick<Redis, 'evalsha' | 'eval'>,
  windowKey: string,
  claim: LimitRequest,
  lease: LeaseRequest | undefined,
) {
  const { windows, versions, quota, once } = claim
  const keys = [
    windowKey,
    ...windows.slice(1).map(({ key }) => toWindowKey(key)),
    ...versions.map(({ key }) => key),
    ...(quota ? listKeys(quota) : []),
    ...(once ? [once.key] : []),
  ]
  const argument = JSON.stringify({
    ahead: claim.aheadMs,
    buckets: BUCKETS,
    windows: windows.map(({ windowMs, limit, cost }) => ({ ms: windowMs, limit, cost })),
    versions: versions.map(({ version }) => version),
    freshSeconds: quota?.isFresh ? VERSION_LIFETIME_SECONDS : undefined,
    quota: quota && quotaArgument(quota),
    once: once && { ms: ONCE_MS, body: once.body },
    lease,
  })
  return runScript<Answer>(redis, ADMIT, keys, [argument])
}

export const toWindowKey = (key: string) => `${PREFIX}:${key}`

const listKeys = ({ organizationId, period }: QuotaRequest) => [
  quotaKey(organizationId, period.name),
  holdsKey(organizationId, period.name),
]

/** A quota as the scripts take it. */
export function quotaArgument({ period, meters, recorded, isFresh }: QuotaRequest) {
  return {
    ...(isFresh && { recorded, keepUntil: keepUntil(period) }),
    meters: meters.map(({ meter, amount, limit }) => ({ name: meter, amount, limit: limit ?? -1 })),
  }
}

function readAnswer(claim: LimitRequest, answer: Answer): Admission {
  if (answer[0] === 'stale') return { outcome: 'stale', index: answer[1] }
  if (answer[0] === 'unseeded' || answer[0] === 'reused') return { outcome: answer[0] }
  const [outcome, refused, windows, meters, [units, bucket, born, quotaBorn], generation, confirmed] = answer
  return {
    outcome,
    refused,
    ...(outcome !== 'admitted' && findNeverFitting(claim, outcome)),
    asOf: claim.now,
    windows: claim.windows.map((window, at) => toReading(window, windows[at * 2] ?? 0, windows[at * 2 + 1] ?? 0)),
    meters: (claim.quota?.meters ?? []).map((_, at) => ({ used: meters[at * 2] ?? 0, held: meters[at * 2 + 1] ?? 0 })),
    ...(confirmed === 1 && { isConfirmed: true }),
    ...(generation >= 0 && { generation }),
    ...(units > 0 && { lease: { units, bucket, born, quotaBorn } }),
  }
}
