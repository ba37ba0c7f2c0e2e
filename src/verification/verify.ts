/**
 * The hot path: whether a key may do this now. HTTP, RPC and Tollgate's own authentication all end here.
 *
 * 1. The key's form and checksum: a typing error or a guess costs nothing.
 * 2. Its record, from the isolate's cache or with one query.
 * 3. The rules that need no counting: revoked, expired, addresses, scopes.
 * 4. Rate limit, quota and the versions of what was cached, in one atomic round trip that takes all or nothing.
 * 5. The usage event, written after the answer.
 */
import type { Deps } from '../deps.ts'
import { formatIso } from '../lib/iso.ts'
import { consumeLeased } from '../limits/leases.ts'
import type { Admission, LimitDecision } from '../limits/limit-request.ts'
import { VERIFICATION } from '../metering/event.ts'
import { recordUsage } from '../metering/record.ts'
import { Problem } from '../problems.ts'
import { type CachedKey, findKey, reloadKey } from './cache.ts'
import type { VerifyRequest } from './input.ts'
import type { KeyRecord } from './key-record.ts'
import { claimFor, OWN_VERSIONS, onceId } from './limit-check.ts'
import { findRefusal, type Refusal } from './rules.ts'
import { admittedVerdict, refusedVerdict, type Verdict } from './verdict.ts'

/** A row that was confirmed within this time needs no new look before it refuses; with the promise of 2 s in mind. */
const FRESH_MS = 1_000
/** Stale rows are rare and reloads settle them; more than this many in a row is a fault, not a race. */
const MAX_ATTEMPTS = 4

/** The service that asks for the verdict, when it is known by a key itself. */
export interface Caller {
  readonly cached: CachedKey
  /** Loads the caller's own key again. @throws Problem when it may no longer ask */
  renew(): Promise<Caller>
}

export interface VerifyContext {
  readonly requestId: string
  /** Confirmed in the same round trip, so that its revocation is seen as soon as any other. */
  readonly caller?: Caller
  /** For a call to the management API: what is asked of Tollgate itself is no usage of the customer's. */
  readonly isUnrecorded?: boolean
}

/**
 * Decides whether a key may be used, and takes `cost` units of its rate limit and its organization's quota if so.
 * A refusal takes nothing and is data, not an error.
 *
 * @throws Problem `idempotency_key_reused` when its idempotency key stands for another request, `unavailable` when the key is not in memory and the database does not answer, or when Redis does not
 *   and `ON_LIMITER_OUTAGE` is `closed`
 */
export async function verifyKey(deps: Deps, request: VerifyRequest, context: VerifyContext): Promise<Verdict> {
  return (await verifyWithRecord(deps, request, context)).verdict
}

/** The same, with the row that the verdict was decided from: `undefined` for a key that is not found. */
export async function verifyWithRecord(
  deps: Deps,
  request: VerifyRequest,
  context: VerifyContext,
): Promise<Pick<Decision, 'verdict' | 'record'>> {
  const { requestId, caller } = context
  const since = deps.now()
  const found = findKey(deps, request.key)
  let basis: Snapshot = { cached: found instanceof Promise ? await found : found, caller, isRenewed: false, since }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const step = decide(basis, { deps, request, requestId, now: deps.now() })
    const decided = step instanceof Promise ? await step : step
    if ('verdict' in decided) {
      if (!context.isUnrecorded) recordVerification(deps, request, decided, caller?.cached.record)
      return decided
    }
    basis = decided
  }
  throw new Problem('unavailable', { detail: 'The key is being changed right now.' })
}

/** What a verdict is decided from: rows that may turn out to be outdated, and then are loaded again. */
interface Snapshot {
  readonly cached: CachedKey
  readonly caller: Caller | undefined
  /** Whether something was loaded again already: then a refusal stands. */
  readonly isRenewed: boolean
  /** When the verification began, in Unix milliseconds: what was loaded since then is the truth of now. */
  readonly since: number
}

interface Decision {
  readonly verdict: Verdict
  readonly record: KeyRecord | undefined
  /** Unix milliseconds: the moment for which it was decided. Its event belongs to the same period as the claim. */
  readonly at: number
  /** See LimitDecision. */
  readonly generation?: number | undefined
}

interface VerificationContext {
  readonly deps: Deps
  readonly request: VerifyRequest
  readonly requestId: string
  readonly now: number
}

/** @returns the decision, at once where nobody has to be asked for it, or a newer basis to decide on */
function decide(basis: Snapshot, moment: VerificationContext): Decision | Promise<Decision | Snapshot> {
  const { record } = basis.cached
  const { deps, request, now } = moment
  const refusal = findRefusal(record, request, now)
  if (refusal || !record) return decideRefusal(refusal ?? 'NOT_FOUND', basis, moment)
  const isFresh = isFirstUse(basis, now)
  const caller = basis.caller?.cached.record
  const admission = consumeLeased(deps, claimFor({ record, caller, request, isFresh, now, aheadMs: deps.redisAheadMs }))
  if (!(admission instanceof Promise) && 'windows' in admission) return decideByLimits(admission, basis, record, moment)
  return awaitLimits(admission, basis, record, moment)
}

/** Whether a row was read for this verification, or behind the back of an earlier one and not used since: its figures are of now. */
function isFirstUse({ cached, since }: Snapshot, now: number): boolean {
  const isUnused = cached.isUnused === true && now - cached.loadedAt < FRESH_MS
  cached.isUnused = false
  return isUnused || cached.loadedAt >= since
}

async function awaitLimits(
  asked: Admission | Promise<Admission>,
  basis: Snapshot,
  record: KeyRecord,
  moment: VerificationContext,
): Promise<Decision | Snapshot> {
  const admission = await asked
  if (admission.outcome === 'reused') throw new Problem('idempotency_key_reused')
  if ('windows' in admission) return decideByLimits(admission, basis, record, moment)
  if (admission.outcome === 'stale' && admission.index >= OWN_VERSIONS)
    return { ...basis, caller: await basis.caller?.renew(), isRenewed: true }
  return { ...basis, cached: await reloadKey(moment.deps, moment.request.key), isRenewed: true }
}

function decideByLimits(
  decided: LimitDecision,
  basis: Snapshot,
  record: KeyRecord,
  { requestId, now }: VerificationContext,
): Decision {
  if (decided.isConfirmed)
    for (const row of [basis.cached, basis.caller?.cached])
      if (row) row.confirmedAt = Math.max(row.confirmedAt, decided.asOf)
  const verdict = admittedVerdict(decided, record, requestId, now)
  return { verdict, record, at: now, generation: decided.generation }
}

async function decideRefusal(
  refusal: Refusal,
  basis: Snapshot,
  moment: VerificationContext,
): Promise<Decision | Snapshot> {
  const { record } = basis.cached
  return (
    (await reloadIfStale(basis, moment)) ?? {
      verdict: refusedVerdict(refusal, record, moment.requestId),
      record,
      at: moment.now,
    }
  )
}

/**
 * Refusals are decided from cached rows. If the rows are older than 1 s, this reloads them once first: the key may have been
 * enabled again.
 */
async function reloadIfStale(
  basis: Snapshot,
  { deps, request, now }: VerificationContext,
): Promise<Snapshot | undefined> {
  if (basis.isRenewed) return undefined
  const { cached, caller } = basis
  const isKeyOld = cached.record !== undefined && now - cached.confirmedAt > FRESH_MS
  const wasLookedUp = cached.loadedAt > 0 // nobody is asked about a mistyped key
  const isCallerOld = wasLookedUp && caller !== undefined && now - caller.cached.confirmedAt > FRESH_MS
  if (!isKeyOld && !isCallerOld) return undefined
  return {
    ...basis,
    cached: isKeyOld ? await reloadKey(deps, request.key) : cached,
    caller: isCallerOld ? await caller.renew() : caller,
    isRenewed: true,
  }
}

function recordVerification(
  deps: Deps,
  request: VerifyRequest,
  { verdict, record, at, generation }: Decision,
  caller: KeyRecord | undefined,
): void {
  if (!record) return
  // A refused try must not use up the caller's key.
  const onceOnly = verdict.valid ? onceId(record, caller, request) : undefined
  recordUsage(deps, {
    ...nameEvent(verdict.request_id, onceOnly),
    source: VERIFICATION,
    ...toLane(generation),
    organization_id: record.organizationId,
    occurred_at: formatIso(at),
    key_id: record.keyId,
    user_id: record.userId,
    environment: record.environment,
    endpoint: request.endpoint ?? '',
    method: request.method ?? '',
    status_code: verdict.status,
    api_calls: verdict.valid ? request.cost : 0,
    ip: request.ip ?? null,
    user_agent: request.user_agent ?? null,
    error_code: verdict.valid ? null : verdict.code,
  })
}

const nameEvent = (requestId: string, onceOnly: string | undefined) =>
  onceOnly === undefined ? { id: requestId } : { id: onceOnly, request_id: requestId }

const toLane = (generation: number | undefined) => (generation === undefined ? {} : { lane: generation % 2 })
