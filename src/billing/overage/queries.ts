import type { Sql } from '../../db/client.ts'
import { PRICED_METERS, plannedTerms } from '../../db/overage-terms.ts'
import { OPEN_PERIOD_DAYS } from '../../db/recent-periods.ts'
import { amountIn, billedUnitsIn, caseOfMeter } from '../../db/schema/meters.ts'
import type { OverageTier } from '../../db/schema/shapes.ts'
import type { ProviderName } from '../providers/provider.ts'

/** Unreadable terms that one scan returns: a malformed plan may have thousands of organizations. */
const MAX_LOGGED = 100

/** The organizations to scan: all, or those whose period ends within an hour or ended minutes ago. */
interface DueScope {
  /** ISO 8601. */
  readonly at: string
  readonly isFull: boolean
  /** Only this organization; null for all. */
  readonly organizationId: string | null
}

/**
 * Parameters: `$1`, the time; `$2`, whether to scan all; `$3`, the one organization. Each case has its own statement: a
 * query plan that serves both would scan all organizations to find one.
 */
function isDue({ organizationId }: DueScope): string {
  const isOfScope = organizationId === null ? '$3::uuid is null' : 'o.id = $3::uuid'
  return `${isOfScope} and ($2 or usage_period_start(o.period_anchor, $1::timestamptz + interval '1 hour') <> usage_period_start(o.period_anchor, $1)
  or usage_period_start(o.period_anchor, $1::timestamptz - interval '10 minutes') <> usage_period_start(o.period_anchor, $1)
  or exists (select from subscriptions e where e.organization_id = o.id and e.is_current
    and e.current_period_end between $1::timestamptz - interval '10 minutes' and $1::timestamptz + interval '1 hour'))`
}

/** Whether the organization's current plan includes more than the recorded terms. */
const INCLUDES_MORE = `(billing_terms.included_units is not null
  and (excluded.included_units is null or excluded.included_units > billing_terms.included_units))`
/** Whether its prices count from now on: also if what it had before in the period had none. */
const TAKES_OVER = `(${INCLUDES_MORE} or billing_terms.tiers is null)`

/** Whether the organization `o` is charged for what it uses: not on a plan that an administrator chose, nor after its subscription. */
export const SUBSCRIPTION = `s.organization_id = o.id and s.is_current and s.ended_at is null`

/**
 * Records the terms by which current periods are charged. Prices stay as they were when the period was first scanned,
 * unless a plan that includes more takes over. Sorted, so that two concurrent runs lock rows in the same order.
 * Unreadable limits and prices are returned and skipped: one malformed row must not stop the others.
 */
const recordTerms = (scope: DueScope) => `
with priced as (
  select o.id as organization_id, usage_period_start(o.period_anchor, $1) as period_start, one.meter, p.id as plan_id,
    planned.included, planned.units, planned.tiers, s.provider, s.provider_customer_id,
    coalesce(p.overage->one.meter->>(case s.provider when 'polar' then 'polar_event' else 'stripe_meter' end), one.meter) as event_name
  from organizations o
  join subscriptions s on ${SUBSCRIPTION}
  join plans p on p.id = o.plan_id
  cross join lateral (select ${PRICED_METERS} as meter) one
  cross join lateral ${plannedTerms('one.meter')} planned
  where planned.is_priced and ${isDue(scope)}
), terms as materialized (
  select *, coalesce(jsonb_typeof(tiers) = 'array' and (coalesce(jsonb_typeof(included), 'null') = 'null' or units is not null), false) as is_readable
  from priced
), kept as (
  insert into billing_terms (organization_id, period_start, meter, plan_id, included_units, tiers, provider, provider_customer_id, event_name, updated_at)
  select organization_id, period_start, meter, plan_id, case when is_readable then units::bigint end, tiers, provider,
    provider_customer_id, event_name, $1
  from terms where is_readable
  order by organization_id, meter
  on conflict (organization_id, period_start, meter) do update set
    plan_id = case when ${TAKES_OVER} then excluded.plan_id else billing_terms.plan_id end,
    included_units = case when ${INCLUDES_MORE} then excluded.included_units else billing_terms.included_units end,
    tiers = case when ${TAKES_OVER} then excluded.tiers else billing_terms.tiers end,
    provider = excluded.provider, provider_customer_id = excluded.provider_customer_id, event_name = excluded.event_name,
    updated_at = excluded.updated_at
  where ${TAKES_OVER} or (billing_terms.provider, billing_terms.provider_customer_id, billing_terms.event_name)
    is distinct from (excluded.provider, excluded.provider_customer_id, excluded.event_name)
)
select organization_id, plan_id, meter from terms where not is_readable order by 1, 3 limit ${MAX_LOGGED}`

/**
 * What a plan includes without a price, or without a subscription, counts as well. An organization that moved to a plan without a
 * limit or price for a meter is charged no further.
 */
const raiseTerms = (scope: DueScope) => `
update billing_terms t set included_units = case when not now.is_unlimited then now.units::bigint end, updated_at = $1
from (
  select b.organization_id, b.period_start, b.meter, planned.is_unlimited, planned.units
  from billing_terms b join organizations o on o.id = b.organization_id join plans p on p.id = o.plan_id
  cross join lateral ${plannedTerms('b.meter')} planned
  where b.included_units is not null and b.period_start = usage_period_start(o.period_anchor, $1)
    and (not planned.is_priced or not exists (select from subscriptions s where ${SUBSCRIPTION}))
    and (planned.is_unlimited or planned.units > b.included_units) and ${isDue(scope)}) now
where (t.organization_id, t.period_start, t.meter) = (now.organization_id, now.period_start, now.meter) and t.included_units is not null`

/** @returns the unreadable limits and prices, for the log */
export async function keepTerms(sql: Sql, scope: DueScope): Promise<readonly Record<string, unknown>[]> {
  const statements = [recordTerms(scope), raiseTerms(scope)].map((statement) =>
    sql.query(statement, toParameters(scope)),
  )
  const [unreadable = []] = await sql.transaction(statements)
  return unreadable
}

const toParameters = ({ at, isFull, organizationId }: DueScope) => [at, isFull, organizationId]

/**
 * A period's usage from its sums, in billed units. A custom counter counts whole units: a fraction costs nothing until it is
 * a whole one.
 */
export const USED_UNITS = `coalesce(${caseOfMeter('t.meter', (meter) => billedUnitsIn(amountIn('u', meter), meter))}, (
  select floor(c.amount) from usage_meter_periods c
  where c.organization_id = u.organization_id and c.period_start = u.period_start and c.meter = t.meter))::bigint`

/**
 * Credits pay the cost of calls for organizations that were granted some or whose plan includes some. So their overage
 * is only what the plan covers when no credits are left, plus what the ledger had when the credits began: charges from
 * before the first grant are in the ledger by then.
 */
export const ABOVE_UNITS = `least(${USED_UNITS} - t.included_units, case when t.meter = 'cost_usd' then (
  select ${billedUnitsIn('u.covered_usd', 'cost_usd')}::bigint + (
    select coalesce(sum(l.units), 0)::bigint from billing_usage_ledger l
    where l.organization_id = t.organization_id and l.period_start = t.period_start and l.meter = t.meter and l.created_at <= a.began_at)
  from credit_accounts a where a.organization_id = t.organization_id and (a.last_granted > 0 or exists (
    select from organizations x join plans q on q.id = x.plan_id where x.id = a.organization_id and q.included_credits_usd > 0))) end)`

const selectDeltas = (scope: DueScope) => `
select t.organization_id, t.meter, to_json(t.period_start) #>> '{}' as period_start, t.tiers, t.provider, t.provider_customer_id,
  t.event_name, known.units::text as from_units, (${ABOVE_UNITS} - known.units)::text as units,
  t.period_start < usage_period_start(o.period_anchor, $1) as is_over,
  to_json(usage_period_start(o.period_anchor, t.period_start + interval '32 days')) #>> '{}' as period_end
from billing_terms t
join organizations o on o.id = t.organization_id
join usage_periods u on u.organization_id = t.organization_id and u.period_start = t.period_start
cross join lateral (
  select coalesce(sum(l.units), 0)::bigint as units from billing_usage_ledger l
  where l.organization_id = t.organization_id and l.period_start = t.period_start and l.meter = t.meter) known
where t.period_start > $1::timestamptz - make_interval(days => ${OPEN_PERIOD_DAYS}) and ${isDue(scope)}
  and t.included_units is not null and t.tiers is not null and ${ABOVE_UNITS} > known.units
  and ($5::uuid is null or (t.organization_id, t.period_start, t.meter) > ($5, $6::timestamptz, $7::text))
order by t.organization_id, t.period_start, t.meter
limit $4::int`

/** Overage that no row of the ledger contains yet. */
export interface Delta {
  readonly organization_id: string
  readonly meter: string
  /** ISO 8601, like `period_end`. */
  readonly period_start: string
  readonly period_end: string
  readonly is_over: boolean
  readonly tiers: readonly OverageTier[]
  readonly provider: ProviderName
  readonly provider_customer_id: string
  readonly event_name: string
  /** Whole units, as text: sums may exceed a number. */
  readonly from_units: string
  readonly units: string
}

interface Page {
  readonly limit: number
  /** The last one of the page before. */
  readonly after?: Pick<Delta, 'organization_id' | 'period_start' | 'meter'> | undefined
}

/** One page of the deltas, in the order of organizations. */
export async function findDeltas(sql: Sql, scope: DueScope, { limit, after }: Page): Promise<Delta[]> {
  const place = [after?.organization_id ?? null, after?.period_start ?? null, after?.meter ?? null]
  return (await sql.query(selectDeltas(scope), [...toParameters(scope), limit, ...place])) as Delta[]
}

/** A row of the ledger before it is inserted. */
export type NewEntry = Pick<
  Delta,
  | 'organization_id'
  | 'provider'
  | 'provider_customer_id'
  | 'event_name'
  | 'meter'
  | 'period_start'
  | 'from_units'
  | 'units'
> & { readonly identifier: string; readonly amount_micro_usd: string; readonly occurred_at: string }

const ADD_ENTRIES = `
insert into billing_usage_ledger (identifier, organization_id, provider, provider_customer_id, event_name, meter, period_start,
  from_units, units, amount_micro_usd, occurred_at, charged_with)
select entry.*, case provider when 'polar' then identifier end from jsonb_to_recordset($1::jsonb) as entry(identifier text, organization_id uuid, provider text, provider_customer_id text,
  event_name text, meter text, period_start timestamptz, from_units bigint, units bigint, amount_micro_usd bigint, occurred_at timestamptz)
order by identifier
on conflict (identifier) do nothing
returning 1`

/** Of two runs with the same start only one inserts. @returns how many rows this one inserted */
export async function addEntries(sql: Sql, entries: readonly NewEntry[]): Promise<number> {
  if (entries.length === 0) return 0
  return (await sql.query(ADD_ENTRIES, [JSON.stringify(entries)])).length
}
