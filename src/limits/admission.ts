import { Ratelimit } from '@upstash/ratelimit'
import type { Redis } from '@upstash/redis/cloudflare'
import { runScript } from '../db/script.ts'
import { counterArguments, listCounterKeys, readCounters, unitsToTake } from './counter.ts'
import {
  type Admission,
  findNeverFitting,
  holdsKey,
  keepUntil,
  type LeaseRequest,
  type LimitDecision,
  type LimitRequest,
  type MeterState,
  type QuotaRequest,
  quotaKey,
} from './limit-request.ts'
import { markerLifetimeMs } from './outage/marked-admissions.ts'
import { ADMIT } from './scripts/admission.ts'
import { VERSION_LIFETIME_SECONDS } from './versions.ts'
import { toReading } from './window.ts'

/** The prefix that \@upstash/ratelimit puts before an identifier. */
const PREFIX = 'rate'

type Answer =
  | ['stale', index: number]
  | ['unseeded']
  | ['uncounted']
  | ['reused']
  | [
      outcome: LimitDecision['outcome'],
      refused: number,
      windows: number[],
      meters: number[],
      lease: [units: number, bucket: number, born: number, quotaBorn: number, balanceBorn: number],
      generation: number,
      confirmed: 0 | 1,
      counters: number[],
      overage: number[],
    ]

/**
 * Takes all units of a request, or none. One round trip.
 *
 * This stack's rate limiter is \@upstash/ratelimit, called with our own algorithm. The stock algorithms take `rate: n`
 * as soon as a single unit fits, so they overshoot, and they cannot return units to a window when the quota refuses
 * (docs/internals/decisions/0001).
 *
 * @param lease units to take in addition to the request's own, if any
 * @throws the client's error when Redis fails or exceeds its timeout; it is then unknown whether units were taken
 */
export async function admit(redis: Redis, request: LimitRequest, lease?: LeaseRequest): Promise<Admission> {
  let admission: Admission = { outcome: 'unseeded' }
  const limiter = new Ratelimit({
    redis,
    prefix: PREFIX,
    timeout: 0, // its own timeout answers "success"; the client's timeout throws
    ephemeralCache: false,
    limiter: () => ({
      async limit() {
        admission = await runAdmit(redis, request, lease)
        return { ...NOT_ASKED, success: admission.outcome === 'admitted' }
      },
      getRemaining: async () => NOT_ASKED,
      resetTokens: async () => undefined,
    }),
  })
  await limiter.limit(request.windows[0].key)
  return admission
}

/** The other fields that the interface of \@upstash/ratelimit requires; nothing reads them. */
const NOT_ASKED = { success: false, limit: 0, remaining: 0, reset: 0, pending: Promise.resolve() }

async function runAdmit(redis: Redis, request: LimitRequest, lease: LeaseRequest | undefined): Promise<Admission> {
  const { windows, versions, quota, counters, once } = request
  const keys = [
    ...windows.map(({ key }) => toWindowKey(key)),
    ...versions.map(({ key }) => key),
    ...(quota ? listKeys(quota) : []),
    ...(counters ? listCounterKeys(counters) : []),
    ...(once ? [once.key] : []),
  ]
  const argument = JSON.stringify({
    ahead: request.aheadMs,
    windows: windows.map(({ windowMs, limit, cost }) => ({ ms: windowMs, limit, cost })),
    versions: versions.map(({ version }) => version),
    freshSeconds: quota?.isFresh ? VERSION_LIFETIME_SECONDS : undefined,
    quota: quota && quotaArgument(quota),
    counters: counters && counterArguments(counters, unitsToTake),
    once: once && { ms: markerLifetimeMs(once), body: once.body },
    lease,
  })
  return readAnswer(request, await runScript<Answer>(redis, ADMIT, keys, [argument]))
}

export const toWindowKey = (key: string) => `${PREFIX}:${key}`

const listKeys = ({ organizationId, period, follows }: QuotaRequest) => [
  quotaKey(organizationId, period.name),
  holdsKey(organizationId, period.name),
  ...(follows === undefined ? [] : [quotaKey(organizationId, follows)]),
]

/** A quota in the form that the scripts read. */
export function quotaArgument({ period, meters, recorded, isFresh, follows }: QuotaRequest) {
  return {
    ...((isFresh || follows !== undefined) && { recorded, keepUntil: keepUntil(period) }),
    ...(follows !== undefined && { from: period.start }),
    meters: meters.map(({ meter, amount, limit, each, needsRoom, isGuard, spend }) => ({
      name: meter,
      amount,
      limit: limit ?? -1,
      each,
      needsRoom,
      isGuard,
      spend,
    })),
  }
}

/** @param overage of the meter with a cap: now, and with the request's own */
export function readMeters(
  quota: QuotaRequest | undefined,
  answer: readonly number[],
  [now = 0, after = 0]: readonly number[] = [],
): MeterState[] {
  return (quota?.meters ?? []).map(({ spend }, at) => {
    const state = { used: answer[at * 2] ?? 0, held: answer[at * 2 + 1] ?? 0 }
    return spend ? Object.assign(state, { overage: { now, after } }) : state
  })
}

function readAnswer(request: LimitRequest, answer: Answer): Admission {
  if (answer[0] === 'stale') return { outcome: 'stale', index: answer[1] }
  if (answer[0] === 'unseeded' || answer[0] === 'uncounted' || answer[0] === 'reused') return { outcome: answer[0] }
  const [outcome, refused, windows, meters, grant, generation, confirmed, counters, overage] = answer
  const [units, bucket, born, quotaBorn, balanceBorn] = grant
  return {
    outcome,
    refused,
    ...(outcome !== 'admitted' && findNeverFitting(request, outcome)),
    asOf: request.now,
    windows: request.windows.map((window, at) => toReading(window, windows[at * 2] ?? 0, windows[at * 2 + 1] ?? 0)),
    meters: readMeters(request.quota, meters, overage),
    ...(counters.length > 0 && { counters: readCounters(counters) }),
    ...(confirmed === 1 && { isConfirmed: true }),
    ...(generation >= 0 && { generation }),
    ...(units > 0 && { lease: { units, bucket, born, quotaBorn, balanceBorn } }),
  }
}
