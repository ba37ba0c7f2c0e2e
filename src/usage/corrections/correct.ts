import type * as z from 'zod'
import { audited } from '../../audit/record.ts'
import { requireNamed } from '../../auth/named-organization.ts'
import type { Operator } from '../../auth/principal.ts'
import { runBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { lockOrganization, lockUsageEvent } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { sha256Hex } from '../../lib/bytes.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { NANO_DIGITS, roundDecimal } from '../../lib/decimal.ts'

import { errorFields, log } from '../../lib/log.ts'
import { restartCredits } from '../../limits/credits/counter.ts'
import { findMeters } from '../../limits/meters/catalog.ts'
import { quantityProblem } from '../../limits/meters/custom.ts'
import { readQuantities, roundQuantities } from '../../limits/meters/quantities.ts'
import { correctLimits } from '../../metering/correct-limits.ts'
import type { CorrectionInput } from '../../metering/correct-statement.ts'
import { lowerCounters } from '../../metering/reconcile-counters.ts'
import { Problem } from '../../problems.ts'
import { normalizeName } from '../normalize-name.ts'
import { holdEventId, parseReservationId } from '../reservation-id.ts'
import { LONGEST_SECONDS } from '../reservations/schemas.ts'
import { resolveTokens, TOKEN_FIELDS, type Tokens } from '../tokens.ts'
import {
  claimCorrection,
  correctEvent,
  findChanges,
  findEvent,
  isKeyOf,
  type OriginalEvent,
  type Reported,
  readEvent,
} from './queries.ts'
import type { CorrectedEvent, CorrectionRequest } from './schemas.ts'

/**
 * Voids a reported event, or replaces what it counted. Sums, quotas, limits of its key and the charge follow in
 * the event's own hour and period; the event stays, with its original values. Another correction replaces this one, starting
 * from the event as it was reported. Repeating the latest correction changes nothing, except for limits that
 * were not updated yet.
 *
 * @throws Problem `event_not_found`, `event_not_correctable` for a verification, `organization_not_found`,
 *   `organization_mismatch`, `organization_unnamed`, `key_not_found`, `invalid_request` for amounts of non-counters
 */
export async function correctUsage(
  deps: ManagementDeps,
  operator: Operator,
  { organization_id, external_id, event_id: named, reason, ...asked }: CorrectionRequest,
): Promise<z.output<typeof CorrectedEvent>> {
  const organizationId = await requireNamed(deps, { organization_id, external_id })
  const reservation = parseReservationId(named)
  const event_id = reservation ? holdEventId(reservation) : named
  const found = await getReport(deps, operator, { organizationId, id: event_id })
  const fields = Object.fromEntries(Object.entries(asked).filter(isGiven)) as Fields
  if (fields.key_id && !(await isKeyOf(deps.sql, organizationId, fields.key_id))) throw new Problem('key_not_found')
  const claim = toClaim(sha256Hex(canonicalJson({ event_id, fields, reason })), found.latestClaim)
  const at = new Date(deps.now()).toISOString()
  const correction = {
    void: fields.void === true,
    reason,
    corrected_at: at,
    corrected_by: { type: operator.kind, id: operator.kind === 'user' ? operator.userId : operator.keyId },
    original: found.original,
  }
  const after = fields.void ? voided(found.original) : await replaced(deps, found, fields)
  const input = {
    organization_id: organizationId,
    occurred_at: found.occurredAt,
    id: event_id,
    after,
    correction,
    claim,
  }
  const isNew = claim !== found.latestClaim && (await apply(deps, { operator, input, fields, reason }))
  await followAll(deps, organizationId, found)
  const event = await readEvent(deps.sql, organizationId, found)
  return { outcome: isNew ? 'corrected' : 'duplicate', corrected_at: event.correction?.corrected_at ?? at, event }
}

/**
 * The identity of a correction: its request, and the correction before it. So sending the latest one again is a repeat, and
 * requesting one again that was replaced is a new correction.
 */
function toClaim(request: string, latest: string | undefined): string {
  return latest?.split('.')[0] === request ? latest : `${request}.${sha256Hex(latest ?? '').slice(0, 16)}`
}

/** A service cannot correct the platform organization's reports. @throws Problem `event_not_found`, `event_not_correctable` */
async function getReport(
  deps: ManagementDeps,
  operator: Operator,
  { organizationId, id }: Record<'organizationId' | 'id', string>,
) {
  const isOwn = operator.kind === 'service' && operator.organizationId === organizationId
  const found = isOwn ? undefined : await findEvent(deps.sql, organizationId, id)
  if (!found) throw new Problem('event_not_found', { detail: `There is no event ${id} in the organization.` })
  if (found.isVerification) throw new Problem('event_not_correctable')
  return found
}

type Fields = Omit<CorrectionRequest, 'organization_id' | 'external_id' | 'event_id' | 'reason'>

/** `null` removes the key or subject of an event. In all other fields `null` is the same as leaving the field out. */
const WHOSE: ReadonlySet<string> = new Set(['key_id', 'subject'])
const isGiven = ([name, value]: readonly [string, unknown]) =>
  value !== undefined && (value !== null || WHOSE.has(name))

/** Keeps subjects out of the audit log, which does not change when a subject is erased. */
const withoutSubject = ({ subject, ...fields }: Fields) =>
  subject === undefined ? fields : { ...fields, subject: subject === null ? 'removed' : 'replaced' }

interface Application {
  readonly operator: Operator
  readonly input: CorrectionInput
  readonly fields: Fields
  readonly reason: string
}

/** @returns false if the same correction was made at the same moment */
async function apply(deps: ManagementDeps, { operator, input, fields, reason }: Application): Promise<boolean> {
  const organizationId = input.organization_id
  try {
    await runBatch(deps.db, {
      organization: lockOrganization(deps.db, organizationId), // credits are settled under this lock
      lock: lockUsageEvent(deps.db, { organizationId, occurredAt: input.occurred_at, id: input.id }),
      claim: claimCorrection(deps.db, organizationId, `correction ${input.id} ${input.claim}`),
      change: correctEvent(deps.db, input),
      audit: audited(deps, {
        action: 'usage.corrected',
        actor: operator,
        organizationId,
        target: { type: 'usage_event', id: input.id },
        detail: { reason, ...withoutSubject(fields) },
      }),
    })
    return true
  } catch (error) {
    if (brokenConstraint(error)?.startsWith('usage_dedupe')) return false
    throw error
  }
}

/**
 * Updates Redis after Postgres, best effort: reconciliation lowers quotas within minutes if this fails; limits of
 * keys are updated when the correction is repeated, or by the next one.
 */
async function followAll(deps: ManagementDeps, organizationId: string, event: Found) {
  try {
    const changes = await findChanges(deps.sql, organizationId, event)
    const [change] = changes
    if (!change) return
    const heldMs = parseReservationId(event.id) ? LONGEST_SECONDS * 1_000 : 0
    await Promise.all([
      lowerCounters(deps, organizationId, change.period_start),
      correctLimits(deps, { organizationId, changes, heldMs }),
      restartCredits(deps, [organizationId]),
    ])
  } catch (error) {
    log('warn', 'quota_not_lowered', { organization_id: organizationId, ...errorFields(error) })
  }
}

const AMOUNTS = ['requests', 'api_calls', 'queries', 'input_tokens', 'output_tokens', 'cached_tokens'] as const
const KINDS = ['cache_write_tokens', 'audio_input_tokens', 'audio_output_tokens'] as const

/** The key, environment and subject are read under the lock: only given fields replace them. */
const withoutWhose = ({
  key_id: _key,
  environment: _environment,
  subject: _subject,
  ...reported
}: OriginalEvent): Reported => reported

/** An event that did not happen keeps the fields by which it is found. */
const voided = (original: OriginalEvent) => ({
  ...withoutWhose(original),
  ...Object.fromEntries([...AMOUNTS, ...KINDS].map((name) => [name, 0])),
  cost_usd: '0',
  charge_usd: '0',
  response_time_ms: null,
  quantities: null,
})

interface Found {
  readonly id: string
  readonly occurredAt: string
  readonly original: OriginalEvent
}

/** Fields that are not given stay. Input tokens are replaced together, and so are output tokens. */
async function replaced(deps: ManagementDeps, { occurredAt, original }: Found, { void: _void, ...given }: Fields) {
  const tokens = replaceTokens(original, given)
  const named = { ...given, ...toNormalized(given, 'model'), ...toNormalized(given, 'provider') }
  const others = Object.fromEntries(Object.entries(named).filter(([name]) => !TOKEN_FIELDS.includes(name as never)))
  const quantities = await replaceQuantities(deps, original, given)
  const changed = { ...withoutWhose(original), ...others, ...tokens, quantities }
  const cost = await replaceCost(deps, { ...changed, occurred_at: occurredAt }, { original, given })
  return { ...changed, ...cost }
}

/**
 * Gauges cannot be corrected: the level is the latest reading, which another report replaces.
 *
 * @throws Problem `invalid_request`
 */
async function replaceQuantities(deps: ManagementDeps, original: OriginalEvent, { quantities }: Fields) {
  if (!quantities) return original.quantities
  const meters = await findMeters(deps, Object.keys(quantities))
  const read = readQuantities(quantities, meters)
  if ('slug' in read) throw quantityProblem(read)
  const slug = Object.keys(quantities).find((name) => meters[name]?.kind === 'gauge')
  if (slug !== undefined) {
    throw quantityProblem({ slug, message: 'is a gauge: report its reading of now instead', isUnknown: false })
  }
  return { ...original.quantities, ...roundQuantities(quantities, meters) }
}

const toNormalized = (given: Fields, field: 'model' | 'provider') =>
  given[field] == null ? {} : { [field]: normalizeName(given[field]) }

const OUTPUT: ReadonlySet<string> = new Set(['output_tokens', 'completion_tokens', 'audio_output_tokens'])
const WHOLE: ReadonlySet<string> = new Set(['tokens', 'total_tokens'])

function replaceTokens(original: OriginalEvent, given: Fields): Required<Tokens> {
  const named = TOKEN_FIELDS.filter((field) => given[field] != null)
  const isWhole = named.some((field) => WHOLE.has(field))
  const replacesOutput = isWhole || named.some((field) => OUTPUT.has(field))
  const replacesInput = isWhole || named.some((field) => !OUTPUT.has(field) && !WHOLE.has(field))
  const kept = {
    ...(replacesInput ? NO_INPUT : pickInput(original)),
    ...(replacesOutput ? NO_OUTPUT : pickOutput(original)),
  }
  return { ...kept, ...(resolveTokens(given) as Tokens) }
}

const NO_INPUT = { input_tokens: 0, cached_tokens: 0, cache_write_tokens: 0, audio_input_tokens: 0 }
const NO_OUTPUT = { output_tokens: 0, audio_output_tokens: 0 }
const pickInput = ({ input_tokens, cached_tokens, cache_write_tokens, audio_input_tokens }: OriginalEvent) => ({
  input_tokens,
  cached_tokens,
  cache_write_tokens,
  audio_input_tokens,
})
const pickOutput = ({ output_tokens, audio_output_tokens }: OriginalEvent) => ({ output_tokens, audio_output_tokens })

type Changed = Reported & { readonly occurred_at: string }

/** A given cost is used. Otherwise other tokens or another model are priced again, and any other change keeps the cost. */
async function replaceCost(
  deps: ManagementDeps,
  changed: Changed,
  { original, given }: { original: OriginalEvent; given: Fields },
) {
  if (given.cost_usd != null) return { cost_usd: given.cost_usd, charge_usd: null }
  const isPriced = [...TOKEN_FIELDS, 'model', 'provider'].some((field) => given[field as keyof Fields] != null)
  const hasOtherAmounts = given.quantities != null && (await isReckoned(deps, changed, original))
  if ((!isPriced && !hasOtherAmounts) || !changed.model) {
    const charge_usd = given.api_calls == null ? original.charge_usd : null // computed again with its calls
    return { cost_usd: original.cost_usd, charge_usd }
  }
  return { cost_usd: await reckon(deps, changed), charge_usd: null }
}

/** Whether an event's cost was computed from its model and amounts, not reported: then other amounts change the cost. */
async function isReckoned(deps: ManagementDeps, { occurred_at }: Changed, original: OriginalEvent): Promise<boolean> {
  if (!original.model || original.cost_usd === null) return false
  const reckoned = await reckon(deps, { ...original, occurred_at })
  return reckoned !== null && Number(roundDecimal(reckoned, NANO_DIGITS)) === Number(original.cost_usd) // stored rounded
}

async function reckon(deps: ManagementDeps, changed: Changed): Promise<string | null> {
  const { provider, model, occurred_at, input_tokens, output_tokens, cached_tokens } = changed
  const { cache_write_tokens, audio_input_tokens, audio_output_tokens } = changed
  const kinds = { cache_write_tokens, audio_input_tokens, audio_output_tokens }
  const quantities = changed.quantities && { quantities: changed.quantities } // images can have a price as well
  const event = { provider, model, occurred_at, input_tokens, output_tokens, cached_tokens, id: '' }
  const [priced] = await deps.priceUsage([{ ...event, ...kinds, ...quantities }])
  return (priced as { cost_usd?: string | null } | undefined)?.cost_usd ?? null
}
