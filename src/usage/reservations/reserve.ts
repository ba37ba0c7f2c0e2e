import { ALL_METERS, forEachMeter, GAUGES, METERS, type Meter } from '../../db/schema/meters.ts'
import type { Deps } from '../../deps.ts'
import { base62 } from '../../lib/base62.ts'
import { randomBytes, sha256Hex } from '../../lib/bytes.ts'
import { lazily } from '../../lib/lazily.ts'
import { errorFields, log } from '../../lib/log.ts'
import { type Allowance, findAllowance, reloadAllowance } from '../../limits/allowance.ts'
import { type Hold, holdUnits } from '../../limits/holds.ts'
import { findMeter, rememberHeld, rememberMeters, trackSent } from '../../limits/known.ts'
import type { MeterRequest, MeterState, QuotaRequest } from '../../limits/limit-request.ts'
import { organizationVersionKey } from '../../limits/limit-request.ts'
import { formatUnits, toUnits } from '../../limits/meter-units.ts'
import { describeReading } from '../../limits/quota-reading.ts'
import { selectLimit } from '../../limits/quotas.ts'
import { retryLost } from '../../limits/retry.ts'
import { attribute, findOwners } from '../../metering/attribution.ts'
import { Problem } from '../../problems.ts'
import { SOURCE } from '../reporting/read-item.ts'
import { resolveTokens, type Tokens } from '../tokens.ts'
import { reservationId } from './id.ts'
import type { Reservation, ReserveRequest } from './schemas.ts'

const loadPrice = lazily(() => import('../pricing/price.ts'))

/** Stale figures are rare, and a reload resolves them. More than this many in a row is a fault, not a race. */
const MAX_ATTEMPTS = 3

/**
 * Holds units of an organization's quota for work whose cost is known only afterwards: of every requested meter, or of
 * none. The hold counts against the quota until it is settled or expires.
 *
 * The work may use the held units. They are fewer than requested if one hold would take nearly all that is left. While
 * Redis fails, and the deployment accepts requests then, the last known figures decide and nothing is held.
 *
 * An idempotency key stands for one request of one caller. Its repeats get the same hold while that is open, and are
 * refused afterwards, so that a second piece of work cannot use a settled reservation.
 *
 * @throws Problem `key_not_found`, `organization_not_found`, `too_many_reservations`, `unavailable`; with an
 *   idempotency key `idempotency_key_reused` for another request, `reservation_closed` for one whose hold has ended
 */
export async function reserve(deps: Deps, request: ReserveRequest, caller: ReserveCaller): Promise<Reservation> {
  const organizationId = await selectOrganization(deps, request, caller.organizationId)
  const amounts = await priceAmounts(deps, request)
  const needsReading = GAUGES.some((gauge) => amounts.has(gauge)) // only Postgres has the current readings of gauges
  let allowance = await (needsReading ? reloadAllowance : findAllowance)(deps, organizationId)
  await requireUnsettled(deps, allowance, organizationId, deriveHoldId(request, caller))
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const isFresh = needsReading || attempt > 0
    const plan = planHold(allowance, organizationId, amounts, { deps, request, caller, isFresh })
    const hold = await holdOrDecideLocally(deps, plan)
    if (hold.outcome === 'reused') throw new Problem('idempotency_key_reused')
    if (hold.outcome === 'closed') throw new Problem('reservation_closed')
    if (hold.outcome === 'too_many') throw new Problem('too_many_reservations', { headers: { 'Retry-After': '10' } })
    if (hold.outcome === 'held' || hold.outcome === 'exceeded') return toReservation(plan, hold)
    allowance = await reloadAllowance(deps, organizationId)
  }
  throw new Problem('unavailable', { detail: 'The quota is being changed right now.' })
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

type Amounts = ReadonlyMap<Meter, number>

/** In whole units. If no cost is given, tokens are priced by the model. */
async function priceAmounts(deps: Deps, request: ReserveRequest): Promise<Amounts> {
  const counted = resolveTokens(request) as Tokens // the schema refuses contradictions
  const tokens = addAmounts(counted.input_tokens, counted.output_tokens)
  const cost_usd = request.cost_usd ?? (await estimatedCost(deps, request, counted))
  const given = { ...request, tokens, cost_usd }
  return new Map(
    ALL_METERS.flatMap((meter) => {
      const amount = given[meter]
      return amount === undefined || amount === null ? [] : [[meter, toUnits(meter, amount)] as const]
    }),
  )
}

const addAmounts = (...parts: (number | null | undefined)[]) =>
  parts.every((part) => part === undefined || part === null)
    ? undefined
    : parts.reduce<number>((sum, part) => sum + (part ?? 0), 0)

async function estimatedCost(deps: Deps, { provider, model }: ReserveRequest, counted: Tokens) {
  if (!model) return undefined
  const { input_tokens = 0, output_tokens = 0, cached_tokens = 0 } = counted
  const { priceTokens } = await loadPrice()
  const tokens = { inputTokens: input_tokens, outputTokens: output_tokens, cachedTokens: cached_tokens }
  return priceTokens({ provider: provider ?? '', model, at: deps.now(), ...tokens })
}

function planHold(
  { use }: Allowance,
  organizationId: string,
  amounts: Amounts,
  { deps, request, caller, isFresh }: { deps: Deps; request: ReserveRequest; caller: ReserveCaller; isFresh: boolean },
) {
  const meters = [...amounts].map(([meter, amount]): MeterRequest => {
    const limit = use.limits.meters[meter]?.at_limit === 'allow' ? null : selectLimit(use, meter)
    return { meter, amount, limit: limit === null ? null : toUnits(meter, limit) }
  })
  const unitsUsed = (meter: Meter) => toUnits(meter, use.used[meter])
  const recorded = { ...forEachMeter(METERS, unitsUsed), lanes: use.lanes }
  const quota: QuotaRequest = { organizationId, period: use.period, meters, recorded, isFresh }
  const repeatable = deriveHoldId(request, caller)
  return {
    id: repeatable ?? base62(randomBytes(16), 22),
    ...(repeatable && { body: sha256Hex(JSON.stringify({ ...request, idempotency_key: undefined })).slice(0, 32) }),
    quota,
    gauges: forEachMeter(GAUGES, unitsUsed),
    version: { key: organizationVersionKey(organizationId), version: use.version },
    ms: request.expires_in_seconds * 1000,
    now: deps.now(),
  }
}

type HoldPlan = ReturnType<typeof planHold>

async function holdOrDecideLocally(deps: Deps, plan: HoldPlan): Promise<Hold> {
  const sent = trackSent(plan)
  try {
    const hold = await retryLost(deps, () => holdUnits(deps, plan))
    if ('meters' in hold) rememberMeters(plan.quota, hold.meters, sent)
    return hold
  } catch (error) {
    sent.end()
    log('warn', 'hold_not_taken', errorFields(error))
    if (deps.config.ON_LIMITER_OUTAGE === 'closed')
      throw new Problem('unavailable', { detail: 'Limits cannot be checked.' })
    return decideLocally(plan)
  } finally {
    sent.end()
  }
}

/** Decides by the figures that this isolate knows. Redis does not have the hold, so no other isolate knows of it. */
function decideLocally({ quota, gauges, ms, now }: HoldPlan): Hold {
  const known = { ...quota, recorded: { ...quota.recorded, ...gauges } }
  const meters = quota.meters.map((meter) => findMeter(known, meter, now))
  const refused = quota.meters.findIndex(
    ({ amount, limit }, at) => limit !== null && amount > 0 && sumState(meters[at]) + amount > limit,
  )
  if (refused >= 0) return { outcome: 'exceeded', refused, meters }
  const granted = meters.map(({ used, held }, at) => ({ used, held: held + (quota.meters[at]?.amount ?? 0) }))
  rememberHeld(quota, now + ms, now)
  return { outcome: 'held', expiresAt: now + ms, meters: granted, amounts: quota.meters.map(({ amount }) => amount) }
}

const sumState = (state: MeterState | undefined) => (state?.used ?? 0) + (state?.held ?? 0)

function toReservation({ id, quota }: HoldPlan, hold: Extract<Hold, { meters: unknown }>): Reservation {
  const resets_at = new Date(quota.period.end).toISOString()
  const readings = quota.meters.map(
    (request, at) => [request.meter, describeReading(request, hold.meters[at], resets_at)] as const,
  )
  const quotas = Object.fromEntries(readings)
  if (hold.outcome === 'held') {
    const held = quota.meters.map(({ meter }, at) => [meter, formatUnits(meter, hold.amounts[at] ?? 0)] as const)
    return {
      granted: true,
      reservation_id: reservationId(quota.organizationId, quota.period.name, id),
      expires_at: new Date(hold.expiresAt).toISOString(),
      held: Object.fromEntries(held),
      quotas,
    }
  }
  const never = quota.meters.findIndex(({ amount, limit }) => limit !== null && amount > limit)
  const refused = never >= 0 ? never : hold.refused
  const request = quota.meters[refused] as MeterRequest
  const { meter, amount } = request
  const reading = describeReading(request, hold.meters[refused], resets_at)
  return {
    granted: false,
    code: 'QUOTA_EXCEEDED',
    exceeded: { meter, requested: formatUnits(meter, amount), ...reading, ...(never >= 0 && { resets_at: null }) },
    ...(never >= 0 && { never_fits: true as const }),
    quotas,
  }
}
