import { ALL_METERS, forEachMeter, GAUGES, isMoney, type Meter } from '../../db/schema/meters.ts'

import type { Deps } from '../../deps.ts'
import { base62 } from '../../lib/base62.ts'
import { randomBytes, sha256Hex } from '../../lib/bytes.ts'
import { errorFields, log } from '../../lib/log.ts'
import { type Allowance, reloadAllowance } from '../../limits/allowance.ts'
import { addMarkup } from '../../limits/charge.ts'
import { type Hold, holdUnits } from '../../limits/holds.ts'
import { findKeyAllowances, type KeyAllowance } from '../../limits/key-allowance.ts'
import { type KeySeeds, loadKeySeeds } from '../../limits/key-seeds.ts'
import { rememberMeters, trackSent } from '../../limits/known.ts'
import { rememberCounters } from '../../limits/known-counters.ts'
import { sendLateUse } from '../../limits/late-use.ts'
import type { QuotaRequest } from '../../limits/limit-request.ts'
import { keyVersionKey, organizationVersionKey } from '../../limits/limit-request.ts'
import { toUnits } from '../../limits/meter-units.ts'
import { type OrganizationUse, recordUse } from '../../limits/quotas.ts'
import { retryLost } from '../../limits/retry.ts'
import { attribute, findOwners } from '../../metering/attribution.ts'
import type { UnattributedEvent } from '../../metering/event.ts'
import { Problem } from '../../problems.ts'
import { SOURCE } from '../reporting/read-item.ts'
import { resolveTokens, type Tokens } from '../tokens.ts'
import { addTokenKinds, planCounters, writeTrace } from './counters.ts'
import { holdLocally } from './decide-locally.ts'
import { toReservation } from './describe-hold.ts'
import { reservationId } from './id.ts'
import { type Amounts, loadAllowance, readCustomGauges, toMeterRequest } from './load-allowance.ts'
import type { Reservation, ReserveRequest } from './schemas.ts'

/** Stale figures are rare, and a reload resolves them. More than this many in a row is a fault, not a race. */
const MAX_ATTEMPTS = 4
/** As for organizations (limits/allowance.ts): it bounds a change while Redis fails. */
const KEY_AGE_MS = 25_000

/**
 * Holds units of an organization's quota for work whose cost is known only afterwards: of every requested meter, or of
 * none; and of every limit of the named key that counts one of them. The hold counts until it is settled or expires.
 *
 * The work may use the held units. They are fewer than requested if one hold would take nearly all that is left. While
 * Redis fails, and the deployment accepts requests then, the last known figures decide and nothing is held.
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
    const key = await findKey(deps, organizationId, request, attempt)
    const end = describeEnd(allowance, key, deps.now())
    if (end && attempt > 0) throw new Problem('forbidden', { detail: end })
    if (end) {
      allowance = await reloadAllowance(deps, organizationId) // what is in memory may be older than a change for the better
      continue
    }
    const amounts: Amounts = new Map([...toUnitAmounts(asked.amounts, allowance.use), ...loaded.quantities])
    const planning = { organizationId, amounts, tokens: asked.tokens, deps, request, caller, isFresh, seeds }
    const plan = planHold(allowance, key, planning)
    const hold = await holdOrDecideLocally(deps, plan)
    requirePossible(hold)
    if ('meters' in hold) return toReservation(plan, hold)
    if (hold.outcome === 'uncounted') {
      seeds = await loadSeeds(deps, organizationId, request, key)
    } else {
      allowance = await reloadAllowance(deps, organizationId)
      isFresh = true
    }
  }
  throw new Problem('unavailable', { detail: 'The quota is being changed right now.' })
}

/** Why nothing new may begin for an organization, or with a key. What was used before may still be reported. */
function describeEnd({ use }: Allowance, key: KeyAllowance | undefined, now: number): string | undefined {
  if (use.isSuspended) return 'The organization is suspended.'
  if (key && !key.isActive) return 'The API key is switched off.'
  return key?.endsAt !== undefined && key.endsAt <= now ? 'The API key has expired or was revoked.' : undefined
}

/** What Postgres says of the key's calendar limits, whose counters Redis has lost. */
async function loadSeeds(
  deps: Deps,
  organizationId: string,
  { subject }: ReserveRequest,
  key: KeyAllowance | undefined,
): Promise<KeySeeds | undefined> {
  if (!key) return undefined
  const { lineageId, limits } = key
  return loadKeySeeds(deps, { organizationId, lineageId, subject, limits, now: deps.now() })
}

/** @throws Problem `idempotency_key_reused`, `reservation_closed`, `too_many_reservations` */
function requirePossible({ outcome }: Hold): void {
  if (outcome === 'reused') throw new Problem('idempotency_key_reused')
  if (outcome === 'closed') throw new Problem('reservation_closed')
  if (outcome === 'too_many') throw new Problem('too_many_reservations', { headers: { 'Retry-After': '10' } })
}

/** The limits of the named key. Read again if they may be stale. */
async function findKey(
  deps: Deps,
  organizationId: string,
  { key_id: keyId }: ReserveRequest,
  attempt: number,
): Promise<KeyAllowance | undefined> {
  if (!keyId) return undefined
  const found = await findKeyAllowances(deps, [{ organizationId, keyId }], attempt > 0 ? 0 : KEY_AGE_MS)
  return found.get(keyId)
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

const SELECT_SETTLED = `select 1 from usage_dedupe
where organization_id = $1::uuid and key = sha256(convert_to($2, 'UTF8'))`

/**
 * Redis may have lost a hold. Postgres keeps the ids of settled ones. While Postgres does not answer, Redis alone
 * decides.
 */
async function requireUnsettled(
  deps: Deps,
  { use }: Allowance,
  organizationId: string,
  holdId: string | undefined,
): Promise<void> {
  if (holdId === undefined) return
  const id = reservationId(organizationId, use.period.name, holdId)
  const rows = await deps.sql.query(SELECT_SETTLED, [organizationId, `${SOURCE} ${id}`]).catch((error: unknown) => {
    log('warn', 'settlement_not_looked_up', errorFields(error))
    return []
  })
  if (rows.length > 0) throw new Problem('reservation_closed')
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

type Amounted = Readonly<Partial<Record<Meter, number | string | null>>>

/** What is reserved, as people read it, and the kinds of its tokens. `cost_usd` is what the provider takes. */
interface Estimate {
  readonly amounts: Amounted
  readonly tokens: Tokens
}

/** If no cost is given, tokens are priced by the model. */
async function estimateAmounts(deps: Deps, request: ReserveRequest): Promise<Estimate> {
  const counted = resolveTokens(request) as Tokens // the schema refuses contradictions
  const tokens = addAmounts(counted.input_tokens, counted.output_tokens)
  const cost_usd = request.cost_usd ?? (await estimatedCost(deps, request, counted))
  const asked = { ...request, tokens, cost_usd }
  return { amounts: forEachMeter(ALL_METERS, (meter) => asked[meter] ?? null), tokens: counted }
}

/** In whole units, of money those that the customer pays, for calls as well. */
function toUnitAmounts(asked: Amounted, { markupPercent, pricePerCall }: OrganizationUse): ReadonlyMap<Meter, number> {
  const calls = Number(asked.api_calls ?? 0) * pricePerCall
  return new Map(
    ALL_METERS.flatMap((meter) => {
      const amount = asked[meter] ?? (isMoney(meter) && calls > 0 ? 0 : undefined)
      if (amount === undefined) return []
      const units = isMoney(meter)
        ? toUnits(meter, addMarkup(String(amount), markupPercent)) + calls
        : toUnits(meter, amount)
      return [[meter, units] as const]
    }),
  )
}

const addAmounts = (...parts: (number | null | undefined)[]) =>
  parts.every((part) => part === undefined || part === null)
    ? undefined
    : parts.reduce<number>((sum, part) => sum + (part ?? 0), 0)

async function estimatedCost(deps: Deps, { provider, model, quantities }: ReserveRequest, counted: Tokens) {
  if (!model) return undefined
  const estimate = { input_tokens: 0, ...counted, model, provider: provider ?? '', ...(quantities && { quantities }) }
  const occurred_at = new Date(deps.now()).toISOString()
  const event: UnattributedEvent = { id: '', occurred_at, ...estimate }
  const [priced] = await deps.priceUsage([event])
  return priced?.cost_usd
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

function planHold({ use }: Allowance, key: KeyAllowance | undefined, planning: Planning) {
  const { organizationId, amounts, tokens, deps, request, caller, isFresh, seeds } = planning
  const meters = [...amounts].map(([meter, amount]) => toMeterRequest(use, meter, amount))
  const unitsUsed = (meter: Meter) => use.usedUnits[meter]
  const quota: QuotaRequest = { organizationId, period: use.period, meters, recorded: recordUse(use), isFresh }
  const repeatable = deriveHoldId(request, caller)
  const now = deps.now()
  const counted = addTokenKinds(amounts, tokens)
  const { subject } = request
  const counters = planCounters({ organizationId, use, key, subject, amounts: counted, now, isFresh, seeds })
  const trace = writeTrace(request, counters)
  return {
    id: repeatable ?? base62(randomBytes(16), 22),
    ...(repeatable && { body: sha256Hex(JSON.stringify({ ...request, idempotency_key: undefined })).slice(0, 32) }),
    quota,
    gauges: { ...forEachMeter(GAUGES, unitsUsed), ...readCustomGauges(use.custom, amounts) },
    versions: [
      { key: organizationVersionKey(organizationId), version: use.version },
      ...(key ? [{ key: keyVersionKey(key.keyId), version: key.version }] : []),
    ],
    ms: request.expires_in_seconds * 1000,
    now,
    counters,
    about: { at: now, ...(request.key_id && { key_id: request.key_id }), ...named(request) },
    ...(trace !== undefined && { trace }),
  }
}

const named = ({ subject }: ReserveRequest) => (subject ? { subject } : {})

type HoldPlan = ReturnType<typeof planHold>

async function holdOrDecideLocally(deps: Deps, plan: HoldPlan): Promise<Hold> {
  const sent = trackSent(plan)
  try {
    await sendLateUse(deps, plan.quota.organizationId)
    const hold = await retryLost(deps, plan.quota.organizationId, () => holdUnits(deps, plan))
    if ('meters' in hold) {
      rememberMeters(plan.quota, hold.meters, sent)
      rememberCounters({ counters: plan.counters, states: hold.counters, sent, now: plan.now })
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
