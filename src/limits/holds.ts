/**
 * Holds: units reserved for work whose cost is known only afterwards. They count against the quota until they are
 * released or expire.
 */

import type { Meter } from '../db/schema/meters.ts'
import { runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { quotaArgument } from './admission.ts'
import { type CounterRequest, type CounterState, counterArguments, listCounterKeys, readCounters } from './counter.ts'
import { HOLD } from './hold-script.ts'
import { holdsKey, type MeterState, type QuotaRequest, quotaKey, type Recorded } from './limit-request.ts'
import { COUNT, EXTEND, SETTLE } from './settle-script.ts'
import { writtenAfterMs } from './start-script.ts'

/**
 * The largest share of the rest that one hold may take, so that a single wild estimate never shuts out everybody else.
 */
const MAX_SHARE_OF_REST = 0.9
/** How long the marker of an idempotency key outlives its hold. */
const MARKED_MS = 24 * 3_600_000
/** How long Redis remembers that reported use was counted. */
export const COUNTED_MS = 3_600_000
/** The most open holds of an organization in a period. */
const MAX_HOLDS = 5_000

/** What to hold. The meters of the quota request name the amounts. */
export interface HoldRequest {
  readonly id: string
  /** A hash of the request, if the id stands for an idempotency key. */
  readonly body?: string
  readonly quota: QuotaRequest
  /** Readings of gauges, if they were just read. */
  readonly gauges: Readonly<Partial<Record<Meter, number>>>
  /** The versions that the limits were read with, of the organization and of the key, and their Redis keys. */
  readonly versions: readonly { readonly key: string; readonly version: number }[]
  readonly ms: number
  readonly counters?: readonly HeldCounter[]
  /** What is to be known of the hold while it is open. */
  readonly about?: HoldFacts
  /** What its settlement has to know, however late it comes. */
  readonly trace?: string
}

/** A counter to hold units of: `cost`, or those that are held of the meter, in whose units it counts. */
export interface HeldCounter extends CounterRequest {
  readonly meter?: string
  /** Whether something must be left even if nothing is held. */
  readonly isBalance?: true
}

/** Whom a hold is for. */
interface HoldFacts {
  readonly key_id?: string
  readonly subject?: string
  /** Unix milliseconds. */
  readonly at: number
}

export type Hold =
  | { readonly outcome: 'stale' | 'unseeded' | 'uncounted' | 'too_many' | 'reused' | 'closed' }
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
  refused: number,
  expires: number,
  states: number[],
  amounts?: number[],
  counters?: number[],
]

/** Holds the units of all meters and counters, or of none. @throws whatever the client throws when Redis fails */
export async function holdUnits(deps: Deps, request: HoldRequest): Promise<Hold> {
  const { quota, ms, counters = [] } = request
  const argument = {
    ahead: deps.redisAheadMs,
    quota: quotaArgument(quota),
    ...(quota.isFresh && { gauges: request.gauges }),
    versions: request.versions.map(({ version }) => version),
    id: request.id,
    body: request.body,
    marked: MARKED_MS,
    ms,
    share: MAX_SHARE_OF_REST,
    maxHolds: MAX_HOLDS,
    keepUntil: deps.now() + ms + HOLDS_OUTLIVE_MS,
    counters: counterArguments(counters, ({ cost, meter, isBalance }) => ({ units: cost, meter, isBalance })),
    about: request.about,
    trace: request.trace,
  }
  const [outcome, refused, expiresAt, states, amounts = [], counted = []] = await runScript<Answer>(
    deps.redis.of(quota.organizationId),
    HOLD,
    listHoldKeys(request),
    [JSON.stringify(argument)],
  )
  if (outcome !== 'held' && outcome !== 'exceeded' && outcome !== 'counter_exceeded') return { outcome }
  const meters = quota.meters.map((_, at) => ({ used: states[at * 2] ?? 0, held: states[at * 2 + 1] ?? 0 }))
  const read = { meters, counters: readCounters(counted) }
  return outcome === 'held' ? { outcome, expiresAt, amounts, ...read } : { outcome, refused, ...read }
}

function listHoldKeys({ id, body, quota, versions, counters = [], trace }: HoldRequest): string[] {
  const { organizationId, period } = quota
  return [
    quotaKey(organizationId, period.name),
    holdsKey(organizationId, period.name),
    ...versions.map(({ key }) => key),
    ...(body ? [`reserved:${organizationId}:${id}`] : []),
    ...(trace ? [traceKey(organizationId, id)] : []),
    ...listCounterKeys(counters),
  ]
}

const traceKey = (organizationId: string, holdId: string) => `hold:${organizationId}:${holdId}`

/** A hold may be the last of its period, so the hash is kept for a while after it. */
const HOLDS_OUTLIVE_MS = 3 * 24 * 3_600_000

export interface HoldRef {
  readonly organizationId: string
  /** The period's name. */
  readonly period: string
  readonly holdId: string
}

/** What was used of a counter: in its units. */
export interface UsedCounter extends CounterRequest {
  readonly amount: number
  /** The transaction of Postgres that wrote the use, if it was written just now. */
  readonly xid?: number | undefined
  /** Set where `amount` corrects what was counted before, and may be below 0. */
  readonly corrects?: CorrectedUse
  /** Set for use of verifications, which the counter includes since their admission unless Redis has lost it. */
  readonly admission?: UseAdmission | undefined
}

export interface UseAdmission {
  /** Unix milliseconds. */
  readonly admittedAt: number
  /** Whether Redis took the units. Else an isolate admitted them alone, and carries them (limits/carry.ts). */
  readonly wasTaken: boolean
}

/** When the use was counted that is corrected: only counters that still have it are changed. */
interface CorrectedUse {
  /** Unix milliseconds when it was written. */
  readonly told: number
  /** How long before that the units may have been held. */
  readonly heldMs: number
  /** Whether the seed of a lost counter has it. */
  readonly isInSeed: boolean
}

interface Release extends HoldRef {
  /** The use that Postgres has recorded in that period, by meter, in whole units. Empty for another period. */
  readonly recorded: Recorded
  /** All counters that have units of the hold, and all others that the use counts in. */
  readonly counters?: readonly UsedCounter[]
  /** Whether the use was written just now for the first time: then it counts even where the hold has ended. */
  readonly isNew?: boolean
}

/**
 * Ends a hold and counts what was used, in one step.
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

const toUsed = (deps: Deps, counters: readonly UsedCounter[]) =>
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

/**
 * Counts reported use that nothing was held for, what a correction changed of it, or verifications that Postgres wrote late.
 *
 */
export async function countUsed(deps: Deps, { batch, organizationId, counters }: UsedTogether): Promise<void> {
  const argument = { ahead: deps.redisAheadMs, marked: COUNTED_MS, counters: toUsed(deps, counters) }
  const keys = [`counted:${batch}`, ...listCounterKeys(counters)]
  await runScript(deps.redis.of(organizationId), COUNT, keys, [JSON.stringify(argument)])
}

interface UsedTogether {
  /** Stands for this use, so that a lost answer may be asked for again. */
  readonly batch: string
  /** Of one of them: those of all are in the same database. */
  readonly organizationId: string
  readonly counters: readonly UsedCounter[]
}

/** @returns what was kept of a hold for its settlement; `undefined` if nothing was, or is any more */
export async function findTrace(deps: Deps, { organizationId, holdId }: HoldRef): Promise<unknown> {
  return (await deps.redis.of(organizationId).get(traceKey(organizationId, holdId))) ?? undefined
}

/**
 * Lets a hold end later, never earlier.
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
