/**
 * Holds: units reserved for work whose cost is known only afterwards. They count against the quota until they are
 * released or expire.
 */

import type { Meter } from '../../db/schema/meters.ts'
import { runScript } from '../../db/script.ts'
import type { Deps } from '../../deps.ts'
import { quotaArgument, readMeters } from '../admission.ts'
import { type CounterRequest, type CounterState, counterArguments, listCounterKeys, readCounters } from '../counter.ts'
import { holdsKey, type MeterState, type QuotaRequest, quotaKey, type Recorded } from '../limit-request.ts'
import { HOLD } from '../scripts/hold.ts'
import { COUNT, EXTEND, SETTLE } from '../scripts/settlement.ts'
import { writtenAfterMs } from '../scripts/start.ts'

/**
 * The largest share of the rest that one hold may take, so that a single oversized estimate never blocks everybody else.
 */
const MAX_SHARE_OF_REST = 0.9
/** How long the marker of an idempotency key outlives its hold. */
const MARKED_MS = 24 * 3_600_000
/** How long Redis remembers that reported usage was counted. */
export const COUNTED_MS = 3_600_000
/** The maximum number of open holds of an organization in a period. */
const MAX_HOLDS = 5_000

/** The units to hold. The meters of the quota request have the amounts. */
export interface HoldRequest {
  readonly id: string
  /** A hash of the request, if the id is derived from an idempotency key. */
  readonly body?: string
  readonly quota: QuotaRequest
  /** Readings of gauges, if they were just read. */
  readonly gauges: Readonly<Partial<Record<Meter, number>>>
  /** The versions of the organization's and the key's rows, from which the limits were read, and their Redis keys. */
  readonly versions: readonly { readonly key: string; readonly version: number }[]
  readonly ms: number
  readonly counters?: readonly HeldCounter[]
  /** Facts that are listed while the hold is open. */
  readonly about?: HoldFacts
  /** Data for its settlement, however late that comes. */
  readonly trace?: string
}

/** A counter to hold units of: `cost`, or the held amount of the meter, in whose units it counts. */
export interface HeldCounter extends CounterRequest {
  readonly meter?: string
  /** Whether something must be left even if nothing is held. */
  readonly isBalance?: true
}

/** The owner of a hold. */
interface HoldFacts {
  readonly key_id?: string
  readonly subject?: string
  /** Unix milliseconds. */
  readonly at: number
}

export type Hold =
  | { readonly outcome: 'stale' | 'unseeded' | 'uncounted' | 'too_many' | 'reused' | 'closed' }
  | {
      /** The idempotency key belongs to a hold of another period. */
      readonly outcome: 'elsewhere'
      readonly period: string
    }
  | {
      /** A meter of the quota refused, or a counter. */
      readonly outcome: 'exceeded' | 'counter_exceeded'
      readonly refused: number
      readonly meters: readonly MeterState[]
      readonly counters: readonly CounterState[]
    }
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
      readonly counters: readonly CounterState[]
    }

type Answer = [
  outcome: Hold['outcome'],
  /** For `elsewhere`, the period's name. */
  refused: number | string,
  expires: number,
  states: number[],
  amounts?: number[],
  counters?: number[],
  overage?: number[],
]

/** Holds the units of all meters and counters, or of none. @throws the client's error when Redis fails */
export async function holdUnits(deps: Deps, request: HoldRequest): Promise<Hold> {
  const { quota, ms, counters = [] } = request
  const argument = {
    ahead: deps.redisAheadMs,
    quota: quotaArgument(quota),
    ...(quota.isFresh && { gauges: request.gauges }),
    versions: request.versions.map(({ version }) => version),
    id: request.id,
    body: request.body,
    period: quota.period.name,
    marked: MARKED_MS,
    ms,
    share: MAX_SHARE_OF_REST,
    maxHolds: MAX_HOLDS,
    keepUntil: deps.now() + ms + HOLDS_OUTLIVE_MS,
    counters: counterArguments(counters, ({ cost, meter, isBalance }) => ({ units: cost, meter, isBalance })),
    about: request.about,
    trace: request.trace,
  }
  const [outcome, refused, expiresAt, states, amounts = [], counted = [], overage] = await runScript<Answer>(
    deps.redis.of(quota.organizationId),
    HOLD,
    listHoldKeys(request),
    [JSON.stringify(argument)],
  )
  if (outcome === 'elsewhere') return { outcome, period: String(refused) }
  if (outcome !== 'held' && outcome !== 'exceeded' && outcome !== 'counter_exceeded') return { outcome }
  const read = { meters: readMeters(quota, states, overage), counters: readCounters(counted) }
  return outcome === 'held' ? { outcome, expiresAt, amounts, ...read } : { outcome, refused: Number(refused), ...read }
}

function listHoldKeys({ id, body, quota, versions, counters = [], trace }: HoldRequest): string[] {
  const { organizationId, period } = quota
  return [
    quotaKey(organizationId, period.name),
    holdsKey(organizationId, period.name),
    ...versions.map(({ key }) => key),
    ...(body ? [markerKey(organizationId, id)] : []),
    ...(trace ? [traceKey(organizationId, id)] : []),
    ...listCounterKeys(counters),
  ]
}

const markerKey = (organizationId: string, holdId: string) => `reserved:${organizationId}:${holdId}`
const traceKey = (organizationId: string, holdId: string) => `hold:${organizationId}:${holdId}`

/** A hold may be the last of its period, so the hash is kept for a while after it. */
const HOLDS_OUTLIVE_MS = 3 * 24 * 3_600_000

export interface HoldRef {
  readonly organizationId: string
  /** The period's name. */
  readonly period: string
  readonly holdId: string
}

/** Usage of a counter, in its units. */
export interface UsedCounter extends CounterRequest {
  readonly amount: number
  /** The Postgres transaction that wrote the usage, if it was written just now. */
  readonly xid?: number | undefined
  /** Set if `amount` corrects an earlier count; it may then be negative. */
  readonly corrects?: CorrectedUse
  /** Set for usage of verifications, which the counter includes since their admission unless Redis has lost it. */
  readonly admission?: UseAdmission | undefined
}

export interface UseAdmission {
  /** Unix milliseconds. */
  readonly admittedAt: number
  /** Whether Redis took the units. Otherwise an isolate admitted them alone, and carries them (limits/outage/carry.ts). */
  readonly wasTaken: boolean
}

/** When the corrected usage was counted: only counters that still include it are changed. */
interface CorrectedUse {
  /** Unix milliseconds when it was written. */
  readonly told: number
  /** Unix milliseconds since when it counts for those whose counter it is; later where a correction gave it to them. */
  readonly since: number
  /** How long before that the units may have been held. */
  readonly heldMs: number
  /** Whether the seed of a lost counter includes it. */
  readonly isInSeed: boolean
  /** Whether it has not counted there before: then it is added as reported use is. */
  readonly isNew: boolean
}

interface Release extends HoldRef {
  /** The usage that Postgres has recorded in that period, by meter, in whole units. Empty for another period. */
  readonly recorded: Recorded
  /** All counters that have units of the hold, and all others in which the usage counts. */
  readonly counters?: readonly UsedCounter[]
  /** Whether the usage was written just now for the first time: then it counts even if the hold has ended. */
  readonly isNew?: boolean
}

/**
 * Ends a hold and counts the usage, in one step.
 *
 * @returns whether the hold existed: not released before and not expired
 */
export async function releaseHold(deps: Deps, release: Release): Promise<boolean> {
  const { organizationId, period, holdId, recorded, counters = [], isNew = false } = release
  const keys = [
    quotaKey(organizationId, period),
    holdsKey(organizationId, period),
    `counted:${organizationId}:${holdId}`,
    ...listCounterKeys(counters),
  ]
  const argument = {
    ahead: deps.redisAheadMs,
    id: holdId,
    recorded,
    isNew,
    marked: MARKED_MS,
    counters: toUsed(deps, counters),
  }
  return (await runScript<number>(deps.redis.of(organizationId), SETTLE, keys, [JSON.stringify(argument)])) === 1
}

export const toUsed = (deps: Deps, counters: readonly UsedCounter[]) =>
  counterArguments(counters, ({ amount, xid, corrects, admission }) => ({
    amount,
    xid,
    ...corrects,
    ...(admission && {
      admitted: admission.admittedAt,
      wasTaken: admission.wasTaken,
      waits: writtenAfterMs(deps),
    }),
  }))

/** Counts reported use that nothing was held for, what a correction changed of it, or verifications that Postgres wrote late. */
export async function countUsed(deps: Deps, { batch, part, organizationId, counters }: UsedTogether): Promise<void> {
  const argument = { ahead: deps.redisAheadMs, marked: COUNTED_MS, part, counters: toUsed(deps, counters) }
  const keys = [`counted:${batch}`, ...listCounterKeys(counters)]
  await runScript(deps.redis.of(organizationId), COUNT, keys, [JSON.stringify(argument)])
}

interface UsedTogether {
  /** Identifies this usage, so that a retry after a lost response counts once. */
  readonly batch: string
  /** Of the use that a transaction wrote: from 0. */
  readonly part?: number
  /** Of one of them: those of all are in the same database. */
  readonly organizationId: string
  readonly counters: readonly UsedCounter[]
}

/** @returns the data stored with a hold for its settlement; `undefined` if there was none, or it has expired */
export async function findTrace(deps: Deps, { organizationId, holdId }: HoldRef): Promise<unknown> {
  return (await deps.redis.of(organizationId).get(traceKey(organizationId, holdId))) ?? undefined
}

/** The same for several holds of organizations in one database. */
export async function findTraces(deps: Deps, holds: readonly HoldRef[]): Promise<readonly unknown[]> {
  const [first] = holds
  if (!first) return []
  const keys = holds.map(({ organizationId, holdId }) => traceKey(organizationId, holdId))
  return (await deps.redis.of(first.organizationId).mget<unknown[]>(...keys)).map((kept) => kept ?? undefined)
}

/**
 * Makes a hold expire later, never earlier.
 *
 * @returns Unix milliseconds when it ends; `undefined` if it has ended
 */
export async function extendHold(
  deps: Deps,
  { organizationId, period, holdId }: HoldRef,
  { ms, counters }: { readonly ms: number; readonly counters: readonly CounterRequest[] },
): Promise<number | undefined> {
  const keys = [
    quotaKey(organizationId, period),
    holdsKey(organizationId, period),
    traceKey(organizationId, holdId),
    markerKey(organizationId, holdId),
    ...listCounterKeys(counters),
  ]
  const argument = {
    ahead: deps.redisAheadMs,
    id: holdId,
    ms,
    marked: MARKED_MS,
    counters: counterArguments(counters, () => ({})),
  }
  const expires = await runScript<number>(deps.redis.of(organizationId), EXTEND, keys, [JSON.stringify(argument)])
  return expires > 0 ? expires : undefined
}
