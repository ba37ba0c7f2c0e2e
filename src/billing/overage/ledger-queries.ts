import type { Sql } from '../../db/client.ts'
import { amountIn, billedUnitsIn, caseOfMeter, METERS } from '../../db/schema/meters.ts'
import type { OverageTier } from '../../db/schema/shapes.ts'
import type { ProviderName } from '../providers/provider.ts'
import { ABOVE_UNITS, USED_UNITS } from './queries.ts'

/** An entry to send: a row of the ledger, or an invoice item of several rows under the identifier of its first row. */
export interface OpenEntry {
  readonly identifier: string
  readonly organization_id: string
  readonly provider_customer_id: string
  readonly event_name: string
  /** The name of a built-in counter, or the slug of a custom one. */
  readonly meter: string
  /** The sum over all its rows. */
  readonly units: number
  /** Only for an invoice item; as text, because sums may exceed a number. */
  readonly amount_cents: string | null
  /** Null if it gets its own invoice. */
  readonly provider_subscription_id: string | null
  readonly generation: number
  /** The number of earlier attempts that the provider answered. */
  readonly attempts: number
  /** ISO 8601. The time of its latest row. */
  readonly occurred_at: string
  readonly period_start: string
}

const CLAIM = `
update billing_usage_ledger l set claimed_until = $2, attempted_at = coalesce(attempted_at, $1)
where identifier in (
  select identifier from billing_usage_ledger
  where state = 'pending' and charged_with = identifier and provider = $3 and (claimed_until is null or claimed_until < $1)
    and identifier <> all($5)
  order by claimed_until nulls first, attempts, created_at, identifier limit $4 for update skip locked)
returning identifier, organization_id, provider_customer_id, event_name, meter, amount_cents::text, provider_subscription_id, generation, attempts,
  (select sum(m.units) from billing_usage_ledger m where m.charged_with = l.identifier)::float8 as units,
  (select to_json(max(m.occurred_at)) #>> '{}' from billing_usage_ledger m where m.charged_with = l.identifier) as occurred_at,
  to_json(period_start) #>> '{}' as period_start`

interface Claim {
  readonly provider: ProviderName
  /** Unix milliseconds, like `until`. After `until`, another run may send them. */
  readonly now: number
  readonly until: number
  readonly limit: number
  /** Entries that this run has already attempted. */
  readonly except: readonly string[]
}

/**
 * Claims entries that no other run is sending. Those without an answer come last, the longest ago first; before them
 * entries with fewer attempts come first.
 */
export async function claimEntries(sql: Sql, { provider, now, until, limit, except }: Claim): Promise<OpenEntry[]> {
  return (await sql.query(CLAIM, [iso(now), iso(until), provider, limit, except])) as OpenEntry[]
}

/** An attempt counts if it was answered. Without an answer the end of the claim says when it was, and for claims it is over. */
const SETTLE = `
update billing_usage_ledger l set state = coalesce(outcome.state, l.state), error = outcome.error,
  claimed_until = case when outcome.identifier is null then $1::timestamptz - interval '1 millisecond' end,
  attempts = l.attempts + case when outcome.identifier = l.identifier then 1 else 0 end,
  sent_at = case when outcome.state = 'sent' then $1::timestamptz end,
  invoice_id = outcome.invoice_id, invoice_state = case when outcome.invoice_id is not null then 'open' end
from unnest($2::text[]) as claimed(identifier)
left join jsonb_to_recordset($3::jsonb) as outcome(identifier text, state text, error text, invoice_id text) using (identifier)
where l.charged_with = claimed.identifier and l.state = 'pending'`

/** The outcome of a claimed entry. Without a state it is open again. */
export interface EntryOutcome {
  readonly identifier: string
  readonly state?: 'sent' | 'refused' | 'unknown'
  /** The provider's own message. */
  readonly error?: string
  /** The invoice of an amount that has an invoice of its own. */
  readonly invoice_id?: string | undefined
}

/** Records the outcomes of claimed entries. Entries without an outcome are open again. */
export async function settleEntries(
  sql: Sql,
  entries: readonly OpenEntry[],
  outcomes: readonly EntryOutcome[],
  now: number,
): Promise<void> {
  const claimed = entries.map(({ identifier }) => identifier)
  const cut = outcomes.map(({ error, ...outcome }) => ({ ...outcome, error: error?.slice(0, 500) }))
  await sql.query(SETTLE, [iso(now), claimed, JSON.stringify(cut)])
}

const RESTART_ROWS = `
update billing_usage_ledger set generation = generation + 1, attempted_at = null
where state = 'pending' and charged_with = identifier and provider = 'stripe' and attempted_at < $1
  and (claimed_until is null or claimed_until < $2)
returning identifier`

/**
 * Gives new idempotency keys to invoice items whose old keys Stripe will soon discard. Before they are sent, Stripe is asked
 * whether it already has them.
 *
 * @returns their identifiers
 */
export async function restartRows(sql: Sql, attemptedBefore: number, now: number): Promise<string[]> {
  const rows = await sql.query(RESTART_ROWS, [iso(attemptedBefore), iso(now)])
  return rows.map(({ identifier }) => String(identifier))
}

const iso = (time: number) => new Date(time).toISOString()

const UNITS_OF_HOURS = caseOfMeter('t.meter', (meter) => billedUnitsIn(`sum(${amountIn('h', meter)})`, meter))

const READ = `
with of_periods as (
  select t.*, usage_period_start(o.period_anchor, t.period_start + interval '32 days') as period_end
  from billing_terms t join organizations o on o.id = t.organization_id
  where t.organization_id = $1 and t.tiers is not null order by t.period_start desc, t.meter limit $2)
select to_json(t.period_start) #>> '{}' as period_start, to_json(t.period_end) #>> '{}' as period_end, t.meter, t.plan_id, t.provider,
  t.tiers, t.included_units::text as included, coalesce(${USED_UNITS}, 0)::text as used, greatest(0, ${ABOVE_UNITS})::text as above,
  case when t.period_start = date_trunc('hour', t.period_start) then coalesce((
    select ${UNITS_OF_HOURS} from usage_hourly h
    where h.organization_id = $1 and h.hour >= t.period_start and h.hour < t.period_end), (
    select floor(sum(h.amount)) from usage_meter_hourly h
    where h.organization_id = $1 and h.hour >= t.period_start and h.hour < t.period_end and h.meter = t.meter), 0)::text end as used_by_hour,
  l.recorded::text, l.amount::text, l.pending::text, l.sent::text, l.refused::text, l.unknown::text, l.written_off::text, l.unpaid::text
from of_periods t
left join usage_periods u on u.organization_id = t.organization_id and u.period_start = t.period_start
cross join lateral (
  select coalesce(sum(units), 0) as recorded, coalesce(sum(amount_micro_usd), 0) as amount,
    coalesce(sum(units) filter (where state = 'pending'), 0) as pending, coalesce(sum(units) filter (where state = 'sent'), 0) as sent,
    coalesce(sum(units) filter (where state = 'refused'), 0) as refused, coalesce(sum(units) filter (where state = 'unknown'), 0) as unknown,
    coalesce(sum(units) filter (where state = 'written_off'), 0) as written_off,
    coalesce(sum(units) filter (where invoice_state = 'unpaid'), 0) as unpaid
  from billing_usage_ledger l
  where l.organization_id = t.organization_id and l.period_start = t.period_start and l.meter = t.meter) l
order by t.period_start desc, t.meter`

/** Thirteen months of each meter. */
const MAX_ROWS = 13 * METERS.length

/** One meter in one period. Sums are whole numbers as text. */
export interface LedgerRow {
  readonly period_start: string
  readonly period_end: string
  readonly meter: string
  readonly plan_id: string
  readonly provider: ProviderName
  readonly tiers: readonly OverageTier[]
  readonly included: string | null
  readonly used: string
  /** What is charged of it. */
  readonly above: string
  readonly used_by_hour: string | null
  readonly recorded: string
  readonly amount: string
  readonly pending: string
  readonly sent: string
  readonly refused: string
  readonly unknown: string
  readonly written_off: string
  readonly unpaid: string
}

/** An organization's periods with terms, latest first. */
export async function readLedger(sql: Sql, organizationId: string): Promise<LedgerRow[]> {
  return (await sql.query(READ, [organizationId, MAX_ROWS])) as LedgerRow[]
}
