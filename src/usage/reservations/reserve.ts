import { forEachMeter, GAUGES, type Meter } from '../../db/schema/meters.ts'
import type { Deps } from '../../deps.ts'
import { base62 } from '../../lib/base62.ts'
import { randomBytes, sha256Hex } from '../../lib/bytes.ts'
import { errorFields, log } from '../../lib/log.ts'
import { resolvePeriod } from '../../lib/period.ts'
import { type Allowance, reloadAllowance } from '../../limits/allowance.ts'
import { carryAll } from '../../limits/consume.ts'
import { describeCapRefusal } from '../../limits/credits/spend-cap.ts'
import { noteCapRefusal } from '../../limits/credits/spend-cap-refusals.ts'
import { type Hold, holdUnits } from '../../limits/holds/holds.ts'
import {
  findAllowances,
  holderId,
  isMetered,
  type KeyAllowance,
  type MeteredLimit,
} from '../../limits/key-allowance.ts'
import { selectOrganizationLimits } from '../../limits/key-limits.ts'
import { type KeySeeds, loadKeySeeds } from '../../limits/key-seeds.ts'
import type { QuotaRequest } from '../../limits/limit-request.ts'
import { keyVersionKey, organizationVersionKey, unitsNeeded } from '../../limits/limit-request.ts'
import { rememberMeters, trackSent } from '../../limits/outage/known.ts'
import { rememberCounters } from '../../limits/outage/known-counters.ts'
import { recordUse } from '../../limits/quotas.ts'
import { retryLost } from '../../limits/retry.ts'
import { attribute, findOwners } from '../../metering/attribution.ts'
import { Problem } from '../../problems.ts'
import type { Tokens } from '../tokens.ts'
import { addTokenKinds, planCounters } from './counters.ts'
import { findLocalConflict, holdLocally, rememberHeld } from './decide-locally.ts'
import { toReservation } from './describe-hold.ts'
import { estimateAmounts, toUnitAmounts } from './estimate.ts'
import { type Amounts, listGuards, loadAllowance, readCustomGauges, toMeterRequest } from './load-allowance.ts'
import { requireUnsettled } from './repeats.ts'
import type { Reservation, ReserveRequest } from './schemas.ts'
import { writeTrace } from './trace.ts'

/** Stale figures are rare, and a reload resolves them. More than this many in a row is a fault, not a race. */
const MAX_ATTEMPTS = 4
/** The same as for organizations (limits/allowance.ts): it bounds the delay of a change while Redis fails. */
const KEY_AGE_MS = 25_000

/**
 * Holds units of an organization's quota for work whose cost is known only afterwards: of every requested meter, or of
 * none; and of every limit of the named key and of the organization that counts one of them. The hold counts until it is settled or expires.
 *
 * The work may use the held units. They are fewer than requested if one hold would take nearly all that is left. While
 * Redis fails, and the deployment accepts requests then, the last known figures decide, and only this isolate knows the hold.
 *
 * An idempotency key stands for one request of one caller. Its repeats get the same hold while that is open, and are
 * refused afterwards, so that a second piece of work cannot use a settled reservation.
 *
 * @throws Problem `key_not_found`, `organization_not_found`, `too_many_reservations`, `unavailable`; `forbidden` for a key
 *   that is revoked, expired or switched off, and for a suspended organization; with an
 *   idempotency key `idempotency_key_reused` for another request, `reservation_closed` for one whose hold has ended
 */
export async function reserve(deps: Deps, request: ReserveRequest, caller: ReserveCaller): Promise<Reservation> {
  return reserveFor(deps, await selectOrganization(deps, request, caller.organizationId), request, caller)
}

/** The same for an organization that is known to exist. */
export async function reserveFor(
  deps: Deps,
  organizationId: string,
  request: ReserveRequest,
  caller: ReserveCaller,
): Promise<Reservation> {
  const asked = await estimateAmounts(deps, request)
  const needsReading = GAUGES.some((gauge) => asked.amounts[gauge] != null) // only Postgres has the current readings of gauges
  const loaded = await loadAllowance(deps, organizationId, {
    quantities: request.quantities ?? {},
    isFresh: needsReading,
  })
  let { allowance, isFresh } = loaded
  let seeds: KeySeeds | undefined
  await requireUnsettled(deps, allowance, organizationId, deriveHoldId(request, caller))
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const key = await findKey(deps, { organizationId, version: allowance.use.version }, request, attempt)
    const end = describeEnd(allowance, key, deps.now())
    if (end && attempt > 0) throw new Problem('forbidden', { detail: end })
    if (end) {
      allowance = await reloadAllowance(deps, organizationId) // what is cached may predate a change that lifts the refusal
      continue
    }
    const amounts: Amounts = new Map([...toUnitAmounts(asked.amounts, allowance.use), ...loaded.quantities])
    const planning = { organizationId, amounts, tokens: asked.tokens, deps, request, caller, isFresh, seeds }
    const plan = planHold(allowance, key, planning)
    const hold = await holdOrDecideLocally(deps, plan)
    requirePossible(hold)
    if (hold.outcome === 'elsewhere') return findEarlier(deps, plan, hold.period, allowance)
    if (hold.outcome === 'exceeded') noteIfCapped(deps, plan, hold)
    if ('meters' in hold) return toReservation(plan, hold)
    if (hold.outcome === 'uncounted') {
      seeds = await loadSeeds(deps, organizationId, request, { allowance, key })
    } else {
      allowance = await reloadAllowance(deps, organizationId)
      isFresh = true
    }
  }
  throw new Problem('unavailable', { detail: 'The quota is being changed right now.' })
}

/** The hold of an earlier request under the same idempotency key, in a period that has ended since. */
async function findEarlier(deps: Deps, plan: HoldPlan, name: string, { use }: Allowance): Promise<Reservation> {
  const resolved = resolvePeriod(use.periodAnchor, name)
  if (!resolved) throw new Problem('reservation_closed')
  const quota = { ...plan.quota, period: { ...resolved, name }, recorded: {}, isFresh: false }
  const earlier = { ...plan, quota }
  const hold = await tryEarlier(deps, earlier)
  if (hold?.outcome === 'closed') throw new Problem('reservation_closed')
  if (!hold || !('meters' in hold)) throw new Problem('unavailable', { detail: 'The reservation cannot be read.' })
  return toReservation(earlier, hold)
}

async function tryEarlier(deps: Deps, plan: HoldPlan): Promise<Hold | undefined> {
  try {
    return await retryLost(deps, plan.quota.organizationId, () => holdUnits(deps, plan))
  } catch (error) {
    log('warn', 'hold_not_taken', errorFields(error))
    return undefined
  }
}

function noteIfCapped(deps: Deps, { quota }: HoldPlan, { refused, meters }: Extract<Hold, { refused: number }>): void {
  const request = quota.meters[refused]
  const refusal = request && describeCapRefusal(request, meters[refused], unitsNeeded(request))
  const { organizationId, period } = quota
  if (refusal) noteCapRefusal(deps, { organizationId, periodStart: period.start, ...refusal })
}

/** Why nothing new may begin for an organization, or with a key. Earlier use may still be reported. */
function describeEnd({ use }: Allowance, key: KeyAllowance | undefined, now: number): string | undefined {
  if (use.isSuspended) return 'The organization is suspended.'
  if (key && !key.isActive) return 'The API key is switched off.'
  return key?.endsAt !== undefined && key.endsAt <= now ? 'The API key has expired or was revoked.' : undefined
}

/** Start values from Postgres for calendar limits whose counters Redis has lost. */
function loadSeeds(deps: Deps, organizationId: string, { subject }: ReserveRequest, { allowance, key }: Limited) {
  const limits = listLimits(allowance, key)
  return loadKeySeeds(deps, { organizationId, lineageId: key?.lineageId, subject, limits, now: deps.now() })
}

interface Limited {
  readonly allowance: Allowance
  readonly key: KeyAllowance | undefined
}

/** Limits on meters: those of the key, and those in the organization's row whose version is checked. */
const listLimits = ({ use }: Allowance, key: KeyAllowance | undefined): readonly MeteredLimit[] => [
  ...(key?.limits ?? []).filter(({ of }) => of === undefined),
  ...selectOrganizationLimits(use.limits, use.overrides).filter(isMetered),
]

/** @throws Problem `idempotency_key_reused`, `reservation_closed`, `too_many_reservations` */
function requirePossible({ outcome }: Hold): void {
  if (outcome === 'reused') throw new Problem('idempotency_key_reused')
  if (outcome === 'closed') throw new Problem('reservation_closed')
  if (outcome === 'too_many') throw new Problem('too_many_reservations', { headers: { 'Retry-After': '10' } })
}

/**
 * The limits of the named key. Reloaded if they may be stale: those of its plan are as old as the organization's row that came with
 * them, and Redis compares the version of that row.
 */
async function findKey(
  deps: Deps,
  { organizationId, version }: { readonly organizationId: string; readonly version: number },
  { key_id: keyId }: ReserveRequest,
  attempt: number,
): Promise<KeyAllowance | undefined> {
  if (!keyId) return undefined
  const holder = { organizationId, keyId }
  const find = async (maxAgeMs: number) => (await findAllowances(deps, [holder], maxAgeMs)).get(holderId(holder))
  const known = await find(attempt > 0 ? 0 : KEY_AGE_MS)
  const found = known && known.organizationVersion < version ? await find(0) : known
  return found?.lineageId === undefined ? undefined : found
}

/** The caller. The same idempotency key from another caller is a different key. */
export interface ReserveCaller {
  /** The organization that may reserve only for itself; null for an operator's service. */
  readonly organizationId: string | null
  readonly id: string
}

/** All Workers with a service binding count as one caller. */
export const BOUND_WORKER: ReserveCaller = { organizationId: null, id: 'binding' }

/** @returns `undefined` without an idempotency key: such a request is never a repeat */
function deriveHoldId({ idempotency_key }: ReserveRequest, { id }: ReserveCaller): string | undefined {
  return idempotency_key && sha256Hex(JSON.stringify([id, idempotency_key])).slice(0, 32)
}

/** As for reported usage: another organization's key or organization is reported as not found. */
async function selectOrganization(
  deps: Deps,
  { key_id = null, organization_id = null, external_id = null }: ReserveRequest,
  caller: string | null,
) {
  const event = { id: '', occurred_at: '', key_id, organization_id, external_id }
  const holder = attribute(event, await findOwners(deps, [event], caller), caller)
  if (typeof holder !== 'string') return holder.organization_id
  if (holder !== 'holder_missing') throw new Problem(holder)
  const errors = [{ path: 'body', message: 'must have key_id, organization_id or external_id' }]
  throw new Problem('invalid_request', { errors })
}

interface Planning {
  readonly organizationId: string
  readonly amounts: Amounts
  readonly tokens: Tokens
  readonly deps: Deps
  readonly request: ReserveRequest
  readonly caller: ReserveCaller
  readonly isFresh: boolean
  readonly seeds: KeySeeds | undefined
}

function planHold(allowance: Allowance, key: KeyAllowance | undefined, planning: Planning) {
  const { organizationId, amounts, tokens, deps, request, caller, isFresh, seeds } = planning
  const { use } = allowance
  const meters = [
    ...[...amounts].map(([meter, amount]) => toMeterRequest(use, meter, amount)),
    ...listGuards(use, amounts),
  ]
  const unitsUsed = (meter: Meter) => use.usedUnits[meter]
  const quota: QuotaRequest = { organizationId, period: use.period, meters, recorded: recordUse(use), isFresh }
  const repeatable = deriveHoldId(request, caller)
  const now = deps.now()
  const counted = addTokenKinds(amounts, tokens)
  const { subject } = request
  const limits = listLimits(allowance, key)
  const counters = planCounters({ organizationId, use, key, limits, subject, amounts: counted, now, isFresh, seeds })
  return {
    id: repeatable ?? base62(randomBytes(16), 22),
    ...(repeatable && { body: sha256Hex(JSON.stringify({ ...request, idempotency_key: undefined })).slice(0, 32) }),
    quota,
    gauges: { ...forEachMeter(GAUGES, unitsUsed), ...readCustomGauges(use.custom, amounts) },
    versions: [
      { key: organizationVersionKey(organizationId), version: use.version },
      ...(key && request.key_id ? [{ key: keyVersionKey(request.key_id), version: key.version }] : []),
    ],
    ms: request.expires_in_seconds * 1000,
    now,
    counters,
    about: { at: now, ...(request.key_id && { key_id: request.key_id }), ...named(request) },
    trace: writeTrace(request, counters),
  }
}

const named = ({ subject }: ReserveRequest) => (subject ? { subject } : {})

type HoldPlan = ReturnType<typeof planHold>

async function holdOrDecideLocally(deps: Deps, plan: HoldPlan): Promise<Hold> {
  const conflict = findLocalConflict(plan)
  if (conflict) return conflict
  const sent = trackSent(plan)
  try {
    if (await carryAll(deps, { quota: plan.quota, organizationId: plan.quota.organizationId }))
      return { outcome: 'unseeded' }
    const hold = await retryLost(deps, plan.quota.organizationId, () => holdUnits(deps, plan))
    if ('meters' in hold) {
      rememberMeters(plan.quota, hold.meters, sent)
      rememberCounters({ counters: plan.counters, states: hold.counters, sent, now: plan.now })
      if (hold.outcome === 'held') rememberHeld(plan, hold)
    }
    return hold
  } catch (error) {
    sent.end()
    log('warn', 'hold_not_taken', errorFields(error))
    if (deps.config.ON_LIMITER_OUTAGE === 'closed')
      throw new Problem('unavailable', { detail: 'Limits cannot be checked.' })
    return holdLocally(plan)
  } finally {
    sent.end()
  }
}
