import type { CustomMeterName, MeterName } from '../db/schema/meter-names.ts'
import type { Period } from '../lib/period.ts'
import { type CounterRequest, type CounterState, neverFits } from './counter.ts'
import type { Capped, Spend } from './credits/spend-cap.ts'
import type { WindowReading } from './window.ts'

/** Units of one rolling window. */
export interface WindowRequest {
  /** Its Redis key, without the prefix that all windows share. */
  readonly key: string
  readonly windowMs: number
  readonly limit: number
  readonly cost: number
  /** The limit for an isolate that decides locally, if it is lower. */
  readonly localLimit?: number
}

/** Whole units of one meter: for `storage_gb` millionths, for `cost_usd` nano-dollars (limits/meters/units.ts); for a custom meter, its last decimal. */
export interface MeterRequest {
  readonly meter: MeterName
  /** For a custom meter: how many decimals its amounts have. */
  readonly scale?: number
  /** 0 takes nothing, but is refused once the meter is used up. */
  readonly amount: number
  /** Units per unit of a verification's cost: then a lease takes them as well. For calls themselves it is 1. */
  readonly each?: number
  /** The maximum that may be used in total. `null` counts without a limit. */
  readonly limit: number | null
  /** The name in refusals, if not the meter. */
  readonly refusedBy?: Capped['refusedBy']
  /** For charges: the cap that overage counts towards as well. */
  readonly spend?: Spend | undefined
  /** For a hold: whether it is compared with a level that no period resets. */
  readonly isGauge?: boolean
  /** For a hold: whether a unit must be left even if none is held. A verification needs that of each meter. */
  readonly needsRoom?: boolean
  /** For a hold: whether no units of it were requested, and none are held. */
  readonly isGuard?: boolean
}

/** The units that must be left of a meter for a hold. */
export const unitsNeeded = ({ amount, needsRoom }: Pick<MeterRequest, 'amount' | 'needsRoom'>) =>
  needsRoom ? Math.max(amount, 1) : amount

/** Units used by meter, and the calls among them that verifications counted in even and in odd generations. */
export type Recorded = Readonly<Partial<Record<MeterName, number>>> & {
  readonly lanes?: readonly [number, number]
  /** The same for custom counters, and for the price of calls. */
  readonly custom_lanes?: Readonly<Partial<Record<CustomMeterName | 'cost_usd', readonly [number, number]>>>
}

/** Units to take from an organization's quota of one period. */
export interface QuotaRequest {
  readonly organizationId: string
  readonly period: Period
  readonly meters: readonly MeterRequest[]
  /** The usage that Postgres reported when it was last read. */
  readonly recorded: Recorded
  /** Whether Postgres was read just now. If so, counters that Redis has lost start from its figures. */
  readonly isFresh: boolean
  /**
   * Set if the row is from before the period began, and Postgres does not respond: the name of the row's period. A missing counter
   * then starts at zero, if Redis still has the one of that period.
   */
  readonly follows?: string
}

/** The units that a verification takes, all or nothing, and the cached rows it was decided from. */
export interface LimitRequest {
  /** Unix milliseconds by this isolate's clock. Only decisions without Redis use it. */
  readonly now: number
  /** Added to the clock of Redis (see Deps). */
  readonly aheadMs: number
  /** The owner of these windows and counters: all are in the same Redis database. `undefined` for limits of Tollgate's own endpoints. */
  readonly organizationId: string | undefined
  /** The rate limit first, then the named limits. */
  readonly windows: readonly [WindowRequest, ...WindowRequest[]]
  readonly quota?: QuotaRequest
  /** Limits on meters, and balances. Absent for a key without them. */
  readonly counters?: readonly CounterRequest[]
  readonly versions: readonly { readonly key: string; readonly version: number }[]
  /**
   * For a request that counts once, however often it is repeated: its Redis key and a hash of its content. `isOwn`: nobody but this isolate
   * repeats it (limits/outage/marked-admissions.ts).
   */
  readonly once?: { readonly key: string; readonly body: string; readonly isOwn?: true }
}

/** Units that a request takes in addition to its own, to spend later without Redis. */
export interface LeaseRequest {
  readonly units: number
  readonly ms: number
  /** The largest share of the rest that may be taken, 0 … 1. */
  readonly share: number
  /** If fewer units are available, none are taken. */
  readonly minUnits: number
}

/** Units taken in addition to the request's own, and where they were counted. */
export interface LeaseGrant {
  readonly units: number
  readonly bucket: number
  /** Unix milliseconds when the window, the quota and the balance were created. Units go back only to the same counters. */
  readonly born: number
  readonly quotaBorn: number
  readonly balanceBorn: number
}

export interface MeterState {
  readonly used: number
  readonly held: number
  /** For charges under a cap: nano-dollars of overage, that of holds included, and what it would be with the request's own. */
  readonly overage?: { readonly now: number; readonly after: number }
}

/**
 * - `stale`: the cached row at that index of `versions` is outdated. Nothing was decided or taken.
 * - `reused`: the idempotency key belongs to a different request. Nothing was decided or taken.
 * - `unseeded`: Redis lacks the quota and no fresh figure was given. Nothing was decided or taken.
 * - `uncounted`: Redis has lost the counter of a calendar period and no seed was given. Nothing was decided or taken.
 */
export type Admission =
  | { readonly outcome: 'stale'; readonly index: number }
  | { readonly outcome: 'unseeded' | 'uncounted' | 'reused' }
  | LimitDecision

export interface LimitDecision {
  readonly outcome: 'admitted' | 'rate_limited' | 'counter_exceeded' | 'quota_exceeded'
  /** The index of the window, counter or meter that refused; -1 if none did. */
  readonly refused: number
  /** In the order of the request's windows, after this request. */
  readonly windows: readonly WindowReading[]
  /** In the order of the request's meters, after this request. */
  readonly meters: readonly MeterState[]
  /** In the order of the request's counters, after this request. Absent without counters. */
  readonly counters?: readonly CounterState[]
  /** Set if the request can never pass, because it asks for more than the limit. */
  readonly neverFits?: true
  /** When the rows it was decided from were last confirmed, in Unix milliseconds by this isolate's clock. */
  readonly asOf: number
  readonly lease?: LeaseGrant
  /**
   * The generation of the quota's counter that counts the calls (limits/scripts/quota.ts). Absent without a quota or
   * Redis.
   */
  readonly generation?: number
  /** Set if it was decided without Redis. */
  readonly isLocal?: true
  /** Set if Redis knew the version of every row it was decided from. */
  readonly isConfirmed?: true
  /** Set if an earlier response was lost. If that attempt took a lease, no isolate has it. */
  readonly isRetried?: true
}

/**
 * For a refused request: the first window, counter or meter whose limit is below the requested amount, so that waiting
 * does not help. It is named instead of one that would fit later; the outcome stays.
 */
export function findNeverFitting(request: LimitRequest, outcome: LimitDecision['outcome']) {
  const refused = findTooSmall(request, outcome)
  return refused >= 0 ? ({ refused, neverFits: true } as const) : undefined
}

function findTooSmall({ windows, counters = [], quota }: LimitRequest, outcome: LimitDecision['outcome']): number {
  if (outcome === 'rate_limited') return windows.findIndex(({ cost, limit }) => cost > limit)
  if (outcome === 'counter_exceeded') return counters.findIndex(neverFits)
  return quota?.meters.findIndex(({ amount, limit }) => limit !== null && Math.max(amount, 1) > limit) ?? -1
}

/** How long the counters of a period outlive it, so that late settlements and reconciliation still find them. */
const KEEP_AFTER_END_MS = 3 * 24 * 3_600_000

export const keepUntil = (period: Period) => period.end + KEEP_AFTER_END_MS

/** Redis keys of the counters of an organization's period and of its holds; see docs/internals/storage.md. */
export const quotaKey = (organizationId: string, period: string) => `used:${organizationId}:${period}`
/** Counts the concurrent reservations of an organization. */
export const organizationSlotsKey = (organizationId: string) => `slots:organization:${organizationId}`
export const holdsKey = (organizationId: string, period: string) => `holds:${organizationId}:${period}`

export const keyVersionKey = (keyId: string) => `version:key:${keyId}`

export const organizationVersionKey = (organizationId: string) => `version:organization:${organizationId}`
