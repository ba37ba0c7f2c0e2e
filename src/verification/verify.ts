/**
 * The hot path: may this key do this now? HTTP, RPC and Tollgate's own authentication all end here.
 *
 * 1. The key's format and checksum: a typo or a guess costs nothing.
 * 2. Its record, from the isolate's cache or with one query.
 * 3. The rules that need no counters: revoked, expired, addresses, scopes.
 * 4. Rate limit, quota and the versions of the cached rows, in one atomic round trip that takes all or nothing.
 * 5. The usage event, written after the response.
 */
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { isLapsed } from '../limits/credits/credits.ts'
import { describeCapRefusal } from '../limits/credits/spend-cap.ts'
import { noteCapRefusal } from '../limits/credits/spend-cap-refusals.ts'
import { type KeySeeds, loadKeySeeds } from '../limits/key-seeds.ts'
import { consumeLeased } from '../limits/leases.ts'
import type { Admission, LimitDecision } from '../limits/limit-request.ts'
import { quantityProblem } from '../limits/meters/custom.ts'
import { type QuantityFlaw } from '../limits/meters/quantities.ts'
import type { UsageEvent, VerdictTrace } from '../metering/event.ts'
import { recordUsage } from '../metering/record.ts'
import { count } from '../metrics/count.ts'
import { Problem } from '../problems.ts'
import type { Refusal } from '../verdict-codes.ts'
import { type CachedKey, findKey, reloadKey } from './cache.ts'
import type { VerifyRequest } from './input.ts'
import type { KeyRecord } from './key-record.ts'
import { buildLimitRequest, currentPeriod, OWN_VERSIONS, onceId } from './limit-check.ts'
import { withQuantities } from './quantities.ts'
import { findRefusal } from './rules.ts'
import { toEvent } from './to-event.ts'
import { traceVerdict } from './trace.ts'
import { admittedVerdict, refusedVerdict, type Verdict } from './verdict.ts'

/**
 * A row confirmed within this time can refuse a request without a reload. It keeps the promise that changes apply
 * within 2 s.
 */
const FRESH_MS = 1_000
/** Stale rows are rare, and a reload resolves them. More than this many in a row is a fault, not a race. */
const MAX_ATTEMPTS = 5

/** The service that requests the verdict, if it presented its own key. */
export interface Caller {
  readonly cached: CachedKey
  /** Reloads the caller's own key. @throws Problem when it may no longer verify keys */
  reload(): Promise<Caller>
}

export interface VerifyContext {
  readonly requestId: string
  /** Confirmed in the same round trip, so its revocation is seen as soon as that of any other key. */
  readonly caller?: Caller
  /** Set for a call to the management API: calls to Tollgate itself are not usage of the customer's API. */
  readonly isUnrecorded?: boolean
  /** Receives the event of an admitted key instead of recording it now, because its request is not finished. */
  readonly hold?: (event: UsageEvent, trace: VerdictTrace) => void
}

/**
 * Decides whether a key may be used, and takes `cost` units of its rate limit and its organization's quota if so. A
 * refusal takes nothing and is data, not an error.
 *
 * @throws Problem `idempotency_key_reused` when the idempotency key belongs to a different request; `unavailable` when the
 *   key is not in memory and the database does not respond, or when Redis does not respond and `ON_LIMITER_OUTAGE` is
 *   `closed`
 */
export async function verifyKey(deps: Deps, request: VerifyRequest, context: VerifyContext): Promise<Verdict> {
  return (await verifyWithRecord(deps, request, context)).verdict
}

/** The same, with the row that the verdict was decided from. `undefined` if the key was not found. */
export async function verifyWithRecord(
  deps: Deps,
  request: VerifyRequest,
  context: VerifyContext,
): Promise<Pick<Decision, 'verdict' | 'record'>> {
  const { requestId, caller } = context
  const since = deps.now()
  const found = findKey(deps, request.key)
  let snapshot: Snapshot = { cached: found instanceof Promise ? await found : found, caller, isReloaded: false, since }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const step = decide(snapshot, { deps, request, requestId, now: deps.now() })
    const decided = step instanceof Promise ? await step : step
    if ('verdict' in decided) {
      if (context.isUnrecorded) return decided
      count('verdicts', decided.verdict.code)
      recordVerification(deps, request, decided, context)
      return decided
    }
    snapshot = decided
  }
  throw new Problem('unavailable', { detail: 'The key is being changed right now.' })
}

/** The rows that a verdict is decided from. They may turn out to be stale; then they are reloaded. */
interface Snapshot {
  readonly cached: CachedKey
  readonly caller: Caller | undefined
  /** Whether something was reloaded already. If so, a refusal is final. */
  readonly isReloaded: boolean
  /** Set if Postgres did not respond when the row was to be reloaded: then the request is decided once from the cached one. */
  readonly isUnreadable?: true
  /** When the verification began, in Unix milliseconds. Rows loaded since then are current. */
  readonly since: number
  /** The usage in Postgres for the key's calendar limits, if Redis has lost their counters. */
  readonly seeds?: KeySeeds
}

interface Decision {
  readonly verdict: Verdict
  readonly record: KeyRecord | undefined
  /** The time of the decision, in Unix milliseconds. Its event belongs to the same period as the limit request. */
  readonly at: number
  /** See LimitDecision. */
  readonly generation?: number | undefined
  readonly isLocal?: true | undefined
}

interface VerificationContext {
  readonly deps: Deps
  readonly request: VerifyRequest
  readonly requestId: string
  readonly now: number
}

/** @returns the decision, at once if no I/O is needed, or a newer snapshot to decide from */
function decide(snapshot: Snapshot, context: VerificationContext): Decision | Promise<Decision | Snapshot> {
  const { record } = snapshot.cached
  const { deps, request, now } = context
  const refusal = findRefusal(record, request, now)
  if (refusal || !record) return decideRefusal(refusal ?? 'NOT_FOUND', snapshot, context)
  const asked = withQuantities(record, request)
  if ('slug' in asked) return reloadOrRefuse(asked, snapshot, context)
  if (isLapsed(record.credits, now) && !snapshot.isReloaded) return reload(snapshot, context)
  const isFresh = isFirstUse(snapshot, now)
  const caller = snapshot.caller?.cached.record
  const admission = consumeLeased(
    deps,
    buildLimitRequest({
      record: asked,
      caller,
      request,
      isFresh,
      isUnreadable: snapshot.isUnreadable,
      now,
      aheadMs: deps.redisAheadMs,
      seeds: snapshot.seeds,
    }),
  )
  if (!(admission instanceof Promise) && 'windows' in admission)
    return decideByLimits(admission, snapshot, asked, context)
  return awaitLimits(admission, snapshot, asked, context)
}

/**
 * A meter that the cached row does not know may have been defined since: the row is reloaded once for this request.
 *
 * @throws Problem `invalid_request` that names the quantity
 */
async function reloadOrRefuse(flaw: QuantityFlaw, snapshot: Snapshot, context: VerificationContext): Promise<Snapshot> {
  if (!flaw.isUnknown || snapshot.cached.loadedAt >= snapshot.since) throw quantityProblem(flaw)
  return { ...snapshot, cached: await reloadKey(context.deps, context.request.key), isReloaded: true }
}

/** Used when a grant of credits has expired since the row was read. */
async function reload(snapshot: Snapshot, { deps, request }: VerificationContext): Promise<Snapshot> {
  return { ...snapshot, cached: await reloadKey(deps, request.key), isReloaded: true }
}

/**
 * Whether the row's figures are current: it was read for this verification, or reloaded in the background and not used
 * since.
 */
function isFirstUse({ cached, since }: Snapshot, now: number): boolean {
  const isUnused = cached.isUnused === true && now - cached.loadedAt < FRESH_MS
  cached.isUnused = false
  return isUnused || cached.loadedAt >= since
}

async function awaitLimits(
  pending: Admission | Promise<Admission>,
  snapshot: Snapshot,
  record: KeyRecord,
  context: VerificationContext,
): Promise<Decision | Snapshot> {
  const admission = await pending
  if (admission.outcome === 'reused') throw new Problem('idempotency_key_reused')
  if ('windows' in admission) return decideByLimits(admission, snapshot, record, context)
  if (admission.outcome === 'uncounted') return withSeeds(snapshot, record, context)
  if (admission.outcome === 'stale' && admission.index >= OWN_VERSIONS)
    return { ...snapshot, caller: await snapshot.caller?.reload(), isReloaded: true }
  if (admission.outcome === 'unseeded') return reloadOrContinue(snapshot, context)
  return { ...snapshot, cached: await reloadKey(context.deps, context.request.key), isReloaded: true }
}

/**
 * A counter needs the figures of Postgres. While it does not respond, the request is decided once more without them: units that this
 * isolate admitted locally are then carried all the same, and the quota of a new period starts at zero.
 *
 * @throws the error of the query if that was done already
 */
async function reloadOrContinue(snapshot: Snapshot, { deps, request }: VerificationContext): Promise<Snapshot> {
  try {
    return { ...snapshot, cached: await reloadKey(deps, request.key), isReloaded: true }
  } catch (error) {
    if (snapshot.isUnreadable) throw error
    log('warn', 'key_not_reloaded', { key_id: snapshot.cached.record?.keyId, ...errorFields(error) })
    return { ...snapshot, isUnreadable: true }
  }
}

async function withSeeds(
  snapshot: Snapshot,
  { organizationId, lineageId, counterLimits }: KeyRecord,
  { deps, request: { subject }, now }: VerificationContext,
): Promise<Snapshot> {
  return {
    ...snapshot,
    seeds: await loadKeySeeds(deps, { organizationId, lineageId, subject, limits: counterLimits, now }),
  }
}

function decideByLimits(
  decided: LimitDecision,
  snapshot: Snapshot,
  record: KeyRecord,
  { deps, request, requestId, now }: VerificationContext,
): Decision {
  if (decided.isConfirmed)
    for (const row of [snapshot.cached, snapshot.caller?.cached])
      if (row) row.confirmedAt = Math.max(row.confirmedAt, decided.asOf)
  if (decided.outcome === 'quota_exceeded') noteIfCapped(deps, request, decided, { record, now })
  const verdict = admittedVerdict(decided, record, requestId, now)
  return { verdict, record, at: now, generation: decided.generation, isLocal: decided.isLocal }
}

function noteIfCapped(
  deps: Deps,
  { cost }: VerifyRequest,
  { refused, meters }: LimitDecision,
  { record, now }: { readonly record: KeyRecord; readonly now: number },
): void {
  const charge = Math.max((record.callPrice?.nanoUsd ?? 0) * cost, 1)
  const refusal = describeCapRefusal(record.meters[refused], meters[refused], charge)
  const { start } = currentPeriod(record, now)
  if (refusal) noteCapRefusal(deps, { organizationId: record.organizationId, periodStart: start, ...refusal })
}

async function decideRefusal(
  refusal: Refusal,
  snapshot: Snapshot,
  context: VerificationContext,
): Promise<Decision | Snapshot> {
  const { record } = snapshot.cached
  return (
    (await reloadIfStale(snapshot, context)) ?? {
      verdict: refusedVerdict(refusal, record, context.requestId),
      record,
      at: context.now,
    }
  )
}

/**
 * Refusals are decided from cached rows. If the rows are older than 1 s, this reloads them once first: the key may have
 * been enabled again.
 */
async function reloadIfStale(
  snapshot: Snapshot,
  { deps, request, now }: VerificationContext,
): Promise<Snapshot | undefined> {
  if (snapshot.isReloaded) return undefined
  const { cached, caller } = snapshot
  const isKeyOld = cached.record !== undefined && now - cached.confirmedAt > FRESH_MS
  const wasLookedUp = cached.loadedAt > 0 // a mistyped key was never looked up
  const isCallerOld = wasLookedUp && caller !== undefined && now - caller.cached.confirmedAt > FRESH_MS
  if (!isKeyOld && !isCallerOld) return undefined
  return {
    ...snapshot,
    cached: isKeyOld ? await reloadKey(deps, request.key) : cached,
    caller: isCallerOld ? await caller.reload() : caller,
    isReloaded: true,
  }
}

function recordVerification(deps: Deps, request: VerifyRequest, decision: Decision, context: VerifyContext): void {
  const { verdict, record, isLocal } = decision
  if (!record) return
  const caller = context.caller?.cached.record
  // A refused attempt must not use up the caller's idempotency key.
  const onceOnly = verdict.valid ? onceId(record, caller, request) : undefined
  const event = toEvent(request, decision, record, onceOnly)
  const decided = { verdict, record, request, caller, isLocal, isRenamed: onceOnly !== undefined }
  if (context.hold && verdict.valid) context.hold(event, traceVerdict(decided))
  else if (recordUsage(deps, event)) event.trace = traceVerdict(decided)
}
