import type { Meter } from '../db/schema/meters.ts'
import type { Period } from '../lib/period.ts'
import type { WindowReading } from './window.ts'

/** Units of one rolling window. */
export interface WindowRequest {
  /** Its Redis key, without the prefix all windows share. */
  readonly key: string
  readonly windowMs: number
  readonly limit: number
  readonly cost: number
  /** What an isolate holds that decides alone, where that is less than the limit. */
  readonly limitAlone?: number
}

/** Units of one meter: whole ones, of `cost_usd` and `storage_gb` millionths (limits/meter-units.ts). */
export interface MeterRequest {
  readonly meter: Meter
  /** 0 takes nothing, but is refused once the meter is used up. */
  readonly amount: number
  /** What may be used in all; `null` counts without a limit. */
  readonly limit: number | null
}

/** Units used by meter, and the calls among them that verifications counted in even and in odd generations. */
export type Recorded = Readonly<Partial<Record<Meter, number>>> & { readonly lanes?: readonly [number, number] }

/** What is taken from an organization's quota of one period. */
export interface QuotaRequest {
  readonly organizationId: string
  readonly period: Period
  readonly meters: readonly MeterRequest[]
  /** What Postgres said was used, when it was last asked. */
  readonly recorded: Recorded
  /** Whether it was asked just now: then counters that Redis has lost start from it. */
  readonly isFresh: boolean
}

/** What a verification wants to take, all or nothing, and which cached rows it was decided from. */
export interface LimitRequest {
  /** Unix milliseconds by this isolate's clock: only what is decided without Redis goes by it. */
  readonly now: number
  /** Added to the clock of Redis (see Deps). */
  readonly aheadMs: number
  /** The rate limit first, then named limits. */
  readonly windows: readonly [WindowRequest, ...WindowRequest[]]
  readonly quota?: QuotaRequest
  readonly versions: readonly { readonly key: string; readonly version: number }[]
  /** The Redis key of a request that counts once however often it is repeated, and a hash of what the request asks for. */
  readonly once?: { readonly key: string; readonly body: string }
}

/** Units that a claim wants beyond its own, to spend without asking. */
export interface LeaseRequest {
  readonly units: number
  readonly ms: number
  /** The part of what is left that may be had at most, 0 … 1. */
  readonly share: number
  /** If no more than this can be had, none are. */
  readonly fewest: number
}

/** Units had beyond the claim's own, and where they were counted. */
export interface LeaseGrant {
  readonly units: number
  readonly bucket: number
  /** Unix milliseconds at which the window and the quota were begun: units go back to the same counts only. */
  readonly born: number
  readonly quotaBorn: number
}

export interface MeterState {
  readonly used: number
  readonly held: number
}

/**
 * - `stale`: the cached row at that index of `versions` is outdated. Nothing was decided or taken.
 * - `reused`: the idempotency key stands for another request. Nothing was decided or taken.
 * - `unseeded`: Redis lacks the quota and no fresh figure was given. Nothing was decided or taken.
 */
export type Admission =
  | { readonly outcome: 'stale'; readonly index: number }
  | { readonly outcome: 'unseeded' | 'reused' }
  | LimitDecision

export interface LimitDecision {
  readonly outcome: 'admitted' | 'rate_limited' | 'quota_exceeded'
  /** The place of the window or meter that refused; -1 when none did. */
  readonly refused: number
  /** In the order of the claim's windows, after this claim. */
  readonly windows: readonly WindowReading[]
  /** In the order of the claim's meters, after this claim. */
  readonly meters: readonly MeterState[]
  /** Set where what refused will never let this claim pass: it asks for more than the limit. */
  readonly neverFits?: true
  /** When the rows it was decided from were last confirmed, in Unix milliseconds by this isolate's clock. */
  readonly asOf: number
  readonly lease?: LeaseGrant
  /** The generation of the quota's counter that counts the calls (limits/quota-script.ts); absent without a quota or Redis. */
  readonly generation?: number
  /** Set where it was decided without Redis. */
  readonly isLocal?: true
  /** Set where Redis knew the version of every row it was decided from. */
  readonly isConfirmed?: true
  /** Set where an answer was lost before: its lease, if it took one, is nobody's. */
  readonly isRetried?: true
}

/**
 * Of a refused claim: the first window, or meter, whose limit is below what is asked for, so that waiting is of no use. It
 * is named instead of one that would fit later; the outcome stays.
 */
export function findNeverFitting({ windows, quota }: LimitRequest, outcome: LimitDecision['outcome']) {
  const refused =
    outcome === 'rate_limited'
      ? windows.findIndex(({ cost, limit }) => cost > limit)
      : (quota?.meters.findIndex(({ amount, limit }) => limit !== null && Math.max(amount, 1) > limit) ?? -1)
  return refused >= 0 ? ({ refused, neverFits: true } as const) : undefined
}

/** How long the counters of a period outlive it, so that late settlements and reconciliation still find them. */
const KEEP_AFTER_END_MS = 3 * 24 * 3_600_000

export const keepUntil = (period: Period) => period.end + KEEP_AFTER_END_MS

/** Redis keys of the counters of an organization's period and of its holds; see docs/internals/storage.md. */
export const quotaKey = (organizationId: string, period: string) => `quota:${organizationId}:${period}`
export const holdsKey = (organizationId: string, period: string) => `holds:${organizationId}:${period}`

export const keyVersionKey = (keyId: string) => `version:key:${keyId}`

export const organizationVersionKey = (organizationId: string) => `version:organization:${organizationId}`
