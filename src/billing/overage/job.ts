import { billedPerOne, type Counter, METERS } from '../../db/schema/meters.ts'
import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { coverCharges } from '../credits/cover.ts'
import { configuredProviders } from '../providers/configured.ts'
import type { AmountRefusal, BillingProvider, UsageAmount, UsageReceipt } from '../providers/provider.ts'
import { makeInvoiceItems } from './invoice-items.ts'
import { keepIncluded } from './leaving.ts'
import { claimEntries, type EntryOutcome, type OpenEntry, restartRows, settleEntries } from './ledger-queries.ts'
import { priceOfNext, readTiers } from './money.ts'
import { addEntries, type Delta, findDeltas, keepTerms, type NewEntry } from './queries.ts'

/** The maximum of `amount_micro_usd`. */
const MAX_AMOUNT = 2n ** 63n - 1n
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** The minute of each hour that scans all organizations. The others scan those whose period is about to end or just ended. */
const FULL_LOOK_MINUTE = 7
/** New rows that are read and written at a time. */
const PAGE = 5_000
/** Rows per batch that is claimed and sent, and batches per run. */
export const BATCH = 100
export const BATCHES = 20
/**
 * The time for claiming and recording, in addition to sending. A claim lasts longer than any batch takes, so that no other
 * run sends the same rows. If a run dies, its rows are sent after the claim expires.
 */
const CLAIM_MARGIN_MS = 30_000
/**
 * After this many attempts that the provider answered, a temporary refusal counts as permanent, and a person has to look at
 * it. A provider that is down refuses nothing.
 */
export const MAX_TRIES = 20
/** Stripe stores an idempotency key and its answer, even a failure, for at least 24 hours. */
const REPEATABLE_MS = 23 * HOUR_MS

/**
 * The job that charges overage: it records overage that no row of the ledger contains yet, then sends the rows that are
 * due. Each row is written before it is sent and keeps one identifier, which the provider counts once. A run that dies, two
 * concurrent runs, or a lost answer therefore charge nothing twice.
 *
 * @param at when the run was due, in Unix milliseconds
 */
export async function sendMeteredUsage(deps: Deps, at: number) {
  const providers = configuredProviders(deps.config)
  if (providers.length === 0) return { recorded: 0, sent: 0, refused: 0 }
  const recorded = await recordOverage(deps, at)
  if (providers.some(({ name }) => name === 'stripe')) await prepareItems(deps, at)
  const sums = await Promise.all(providers.map((provider) => sendOpen(deps, provider)))
  const sumResults = (key: 'sent' | 'refused') => sums.reduce((sum, one) => sum + one[key], 0)
  return { recorded, sent: sumResults('sent'), refused: sumResults('refused') }
}

const isFullLook = (at: number) => Math.floor(at / MINUTE_MS) % 60 === FULL_LOOK_MINUTE

async function prepareItems({ sql, now }: Deps, at: number): Promise<void> {
  await makeInvoiceItems(sql, { at: now(), isFull: isFullLook(at) })
  const unanswered = await restartRows(sql, now() - REPEATABLE_MS, now())
  if (unanswered.length > 0) log('warn', 'billing_usage_unanswered', { identifiers: unanswered.slice(0, 50) })
}

/**
 * Usage above the limits of the terms that an organization leaves is still charged, whatever the next ones include; what they let
 * it use without a charge is charged by no later ones. Every change of a plan, of add-ons and of an organization's own limits calls
 * this first: by customers, administrators, provider webhooks, and the reconcile job. So is what credits did not pay on a plan
 * that goes on without.
 *
 * @param at the last moment of the terms that are left, in Unix milliseconds: usage periods that begin later are not theirs
 */
export async function recordBeforeLeaving(deps: Deps, organizationId: string, at = deps.now()): Promise<number> {
  await coverCharges(deps, organizationId)
  const recorded = await recordOverage(deps, at, organizationId)
  await keepIncluded(deps.sql, organizationId, at)
  return recorded
}

/**
 * Writes overage to the ledger, for one organization or for all that are due.
 *
 * @param pageSize how many rows are read and written at a time
 * @returns the number of rows
 */
export async function recordOverage(
  deps: Deps,
  at: number,
  organizationId: string | null = null,
  pageSize = PAGE,
): Promise<number> {
  const isFull = organizationId !== null || isFullLook(at)
  const look = { at: new Date(at).toISOString(), isFull, organizationId }
  for (const odd of await keepTerms(deps.sql, look)) log('error', 'billing_terms_unreadable', odd)
  const latest = Math.min(at, deps.now())
  let recorded = 0
  let after: Delta | undefined
  for (;;) {
    const deltas = await findDeltas(deps.sql, look, { limit: pageSize, after })
    recorded += await addEntries(
      deps.sql,
      deltas.flatMap((delta) => tryEntry(delta, latest) ?? []),
    )
    after = deltas.at(-1)
    if (deltas.length < pageSize) return recorded
  }
}

/** A period whose price cannot be computed does not stop the others. @returns undefined for such a period */
function tryEntry(delta: Delta, at: number): NewEntry | undefined {
  try {
    return toEntry(delta, at)
  } catch (error) {
    const { organization_id, meter, period_start } = delta
    log('error', 'billing_terms_unreadable', { organization_id, meter, period_start, ...errorFields(error) })
    return undefined
  }
}

/**
 * The identifier contains the row's start within the period's overage. Of two runs with the same start, only one inserts.
 *
 * @throws if the price cannot be read or exceeds the maximum of the ledger
 */
function toEntry(delta: Delta, at: number): NewEntry {
  const { organization_id, meter, period_start, from_units, units, tiers } = delta
  const amount = priceOfNext(readTiers(tiers), BigInt(from_units), BigInt(units))
  if (amount < 0n || amount > MAX_AMOUNT) throw new RangeError('The amount is no amount of the ledger.')
  const start = Math.floor(Date.parse(period_start) / 1_000)
  return {
    identifier: `${organization_id}:${meter}:${start}:${from_units}`,
    organization_id,
    provider: delta.provider,
    provider_customer_id: delta.provider_customer_id,
    event_name: delta.event_name,
    meter,
    period_start,
    from_units,
    units,
    amount_micro_usd: String(amount),
    occurred_at: new Date(toEventTime(delta, at)).toISOString(),
  }
}

/** Stripe shows late usage at the last second of its period. Polar counts it when it arrives. */
function toEventTime({ provider, is_over, period_end }: Delta, at: number): number {
  return provider === 'stripe' && is_over ? Date.parse(period_end) - 1_000 : at
}

async function sendOpen(deps: Deps, provider: BillingProvider): Promise<{ sent: number; refused: number }> {
  let [sent, refused] = [0, 0]
  const tried: string[] = []
  for (let batch = 0; batch < BATCHES; batch++) {
    const now = deps.now()
    const until = now + provider.sendUsageMs + CLAIM_MARGIN_MS
    const entries = await claimEntries(deps.sql, { provider: provider.name, now, until, limit: BATCH, except: tried })
    if (entries.length === 0) break
    const outcomes = toOutcomes(entries, await sendEntries(provider, entries))
    await settleEntries(deps.sql, entries, outcomes, deps.now())
    const stuck = outcomes.filter(({ state }) => state === 'refused' || state === 'unknown')
    for (const outcome of stuck) log('error', 'billing_usage_refused', { provider: provider.name, ...outcome })
    sent += outcomes.filter(({ state }) => state === 'sent').length
    refused += stuck.length
    if (outcomes.length === 0) break // it fails: the next run continues
    tried.push(...entries.map(({ identifier }) => identifier))
  }
  return { sent, refused }
}

async function sendEntries(provider: BillingProvider, entries: readonly OpenEntry[]): Promise<UsageReceipt> {
  try {
    return await provider.sendUsage(entries.map(toAmount))
  } catch (error) {
    log('warn', 'billing_usage_unsent', { provider: provider.name, count: entries.length, ...errorFields(error) })
    return { taken: [], refused: [], postponed: [], contradicted: [] }
  }
}

function toOutcomes(entries: readonly OpenEntry[], receipt: UsageReceipt): EntryOutcome[] {
  const isLast = new Map(entries.map(({ identifier, attempts }) => [identifier, attempts + 1 >= MAX_TRIES]))
  return [
    ...receipt.taken.map(
      (identifier) => ({ identifier, state: 'sent', invoice_id: receipt.invoices?.get(identifier) }) as const,
    ),
    ...receipt.refused.map((refusal) => ({ ...toError(refusal), state: 'refused' }) as const),
    ...receipt.contradicted.map((refusal) => ({ ...toError(refusal), state: 'unknown' }) as const),
    ...receipt.postponed.map((refusal) => ({
      ...toError(refusal),
      ...(isLast.get(refusal.idempotencyKey) && { state: 'refused' as const }),
    })),
  ]
}

const toError = ({ idempotencyKey, reason }: AmountRefusal) => ({ identifier: idempotencyKey, error: reason })

const toAmount = (entry: OpenEntry): UsageAmount => ({
  idempotencyKey: entry.identifier,
  generation: entry.generation,
  organizationId: entry.organization_id,
  customerId: entry.provider_customer_id,
  subscriptionId: entry.provider_subscription_id ?? undefined,
  meter: entry.event_name,
  value: entry.units,
  unitsPerOne: METERS.includes(entry.meter as Counter) ? billedPerOne(entry.meter as Counter) : 1,
  cents: BigInt(entry.amount_cents ?? 0),
  periodStart: new Date(entry.period_start),
  at: new Date(entry.occurred_at),
})
