import { sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { changedAfter } from '../../db/recent-periods.ts'
import { amountIn, METERS } from '../../db/schema/meters.ts'
import type { AlertKind } from '../../db/schema/shapes.ts'
import type { Deps } from '../../deps.ts'
import { type PageRequest } from '../../http/paging.ts'
import { log } from '../../lib/log.ts'

/** The default percentages. */
export const DEFAULT_THRESHOLDS = [80, 95]

/** Below the maximum of `numeric(24, 9)`. An organization beyond it must not block the notifications of others. */
const MAX_UNITS = '99999999999999'

/** Unreadable limits and thresholds that one run returns. */
const MAX_LOGGED = 100
/** The maximum of a threshold's column. */
const MAX_THRESHOLD = 32_767
/** Finds values that are not lists of percentages. */
const ODD_THRESHOLDS = 'strict $ ? (@.type() != "array" || exists(@[*] ? (@.type() != "number")))'

/** A valid amount (db/schema/shapes.ts). */
const AMOUNT =
  '(@.amount.type() == "number" && @.meter.type() == "string" && (@.kind == "usage" || @.kind == "overage"))'

/** Whether a period's row `u` is to be scanned: the current one of `o`, or one that ended and has changed since `$3`. */
const IS_DUE = `(u.period_start = usage_period_start(o.period_anchor, $1)
      or (u.period_start < usage_period_start(o.period_anchor, $1) and u.updated_at > $3))`

/**
 * Records every threshold that usage has reached, always including 100: each once per period, meter, limit and
 * threshold, even under concurrent runs. An amount is recorded once per period and meter, whatever the limit is. Sorted,
 * so that two concurrent runs lock rows in the same order.
 *
 * Unreadable limits and thresholds are returned and skipped: one malformed row must not stop the others.
 *
 * A period that has ended is scanned whenever its usage changed within the look-back: in its last minutes, or by late
 * events. Only then, because its limits are those of now: a later plan's would be told of it. A threshold below one that was already notified is
 * recorded as notified: after a notice of 95 %, a later added threshold of 50 % sends nothing. Amounts are the same.
 */
const RECORD = `
with readings as (
  select u.organization_id, u.period_start, reading.meter, reading.used
  from usage_periods u
  join organizations o on o.id = u.organization_id
    and ${IS_DUE}
  cross join lateral (values ${METERS.map((meter) => `('${meter}', (${amountIn('u', meter)})::numeric)`).join(', ')}) as reading(meter, used)
  where ${changedAfter('u', '$2::timestamptz')}
  union all
  select u.organization_id, u.period_start, c.meter, c.amount
  from usage_periods u
  join organizations o on o.id = u.organization_id
    and ${IS_DUE}
  join usage_meter_periods c on c.organization_id = u.organization_id and c.period_start = u.period_start
  where ${changedAfter('u', '$2::timestamptz')}
  union all
  select g.organization_id, usage_period_start(o.period_anchor, $1), g.meter, g.value
  from usage_gauges g join organizations o on o.id = g.organization_id
  where g.observed_at >= $2
), limited as (
  select r.organization_id, r.period_start, r.meter, least(r.used, ${MAX_UNITS}) as used, coalesce(nullif(o.limit_overrides->r.meter, 'null'), plan_limits(p.limits, o.limit_additions)->'meters'->r.meter->'limit', 'null') as told_limit,
    coalesce(o.alert_thresholds, $4::jsonb) as told_thresholds, o.alert_amounts as told_amounts
  from readings r join organizations o on o.id = r.organization_id join plans p on p.id = o.plan_id
), measured as materialized (
  select *, case jsonb_typeof(told_limit) when 'number' then least(round((told_limit#>>'{}')::numeric, 9), ${MAX_UNITS}) end as limit_value,
    case jsonb_typeof(told_thresholds) when 'array' then told_thresholds else '[]' end as thresholds,
    jsonb_typeof(told_limit) in ('number', 'null') and not jsonb_path_exists(told_thresholds, '${ODD_THRESHOLDS}')
      and not jsonb_path_exists(told_amounts, '$[*] ? (!${AMOUNT})') as is_readable
  from limited
), passed as (
  select m.organization_id, m.period_start, m.meter, 'percentage' as kind, m.limit_value, chosen.threshold, m.used
  from measured m
  cross join lateral (
    select case jsonb_typeof(value) when 'number' then least((value#>>'{}')::numeric, ${MAX_THRESHOLD})::smallint end as threshold
    from jsonb_array_elements(m.thresholds) union select 100) chosen
  where m.limit_value > 0 and m.used * 100 >= m.limit_value * chosen.threshold
  union all
  select m.organization_id, m.period_start, m.meter, chosen.kind, chosen.amount, 100, reached.used
  from measured m
  cross join lateral (
    select value->>'meter' as meter, value->>'kind' as kind, least(round((value->>'amount')::numeric, 9), ${MAX_UNITS}) as amount
    from jsonb_path_query(m.told_amounts, '$[*] ? ${AMOUNT}') as value) chosen
  cross join lateral (select case chosen.kind when 'overage' then m.used - m.limit_value else m.used end as used) reached
  where chosen.meter = m.meter and chosen.amount > 0 and reached.used >= chosen.amount
), crossed as (
  insert into usage_alerts (organization_id, period_start, meter, kind, limit_value, threshold, used, crossed_at, notified_at)
  select p.organization_id, p.period_start, p.meter, p.kind, p.limit_value, p.threshold, p.used, $1, case when exists (
    select 1 from usage_alerts told where told.organization_id = p.organization_id and told.period_start = p.period_start
      and told.meter = p.meter and told.kind = p.kind and told.notified_at is not null
      and case p.kind when 'percentage' then told.limit_value = p.limit_value and told.threshold > p.threshold
        else told.limit_value > p.limit_value end) then $1::timestamptz end
  from passed p
  order by p.organization_id, p.period_start, p.meter, p.kind, p.limit_value, p.threshold
  on conflict do nothing
  returning 1
)
select (select count(*)::int from crossed) as crossed, (
  select coalesce(json_agg(odd), '[]') from (
    select distinct organization_id, meter from measured where not is_readable order by 1, 2 limit ${MAX_LOGGED}) odd) as unreadable`

interface Scan {
  /** Unix milliseconds, like `since`: the earliest change to scan. */
  readonly at: number
  readonly since: number
  readonly lookBackMs: number
}

/** @returns how many thresholds were passed */
export async function recordAlerts({ sql }: Deps, { at, since, lookBackMs }: Scan): Promise<number> {
  const times = [at, since, at - lookBackMs].map((time) => new Date(time).toISOString())
  const [row] = await sql.query(RECORD, [...times, JSON.stringify(DEFAULT_THRESHOLDS)])
  for (const odd of row?.unreadable ?? []) log('error', 'usage_limit_unreadable', odd)
  return row?.crossed ?? 0
}

/** The open alerts of one kind, meter and organization; the one to notify comes first. */
export interface OpenAlerts {
  readonly organization_id: string
  readonly organization: string
  /** ISO 8601, like `crossed_at`. */
  readonly period_start: string
  /** The name of a built-in meter, or the slug of a custom one. */
  readonly meter: string
  readonly kind: AlertKind
  /** Its display name; null for a deleted meter. */
  readonly label: string | null
  readonly alerts: readonly [OpenAlert, ...OpenAlert[]]
  readonly responsible: readonly { readonly email: string; readonly name: string | null }[]
}

export interface OpenAlert {
  readonly id: string
  readonly threshold: number
  /** The limit, or the amount. */
  readonly limit: number
  readonly used: number
  readonly crossed_at: string
}

export type AlertRow = {
  readonly id: string
  readonly meter: string
  readonly kind: AlertKind
  readonly period_start: string
  /** The limit, or the amount. */
  readonly limit: number
  readonly threshold: number
  readonly used: number
  readonly crossed_at: string
  readonly notified_at: string | null
}

/** Selects one page of an organization's alerts, latest first, plus one row if there is another page. */
export async function listAlerts(
  db: Database,
  organizationId: string,
  { limit, after }: PageRequest,
): Promise<AlertRow[]> {
  const rest = after
    ? sql`and (crossed_at, threshold, id) < (select crossed_at, threshold, id from usage_alerts
        where organization_id = ${organizationId}::uuid and id = ${after}::uuid)`
    : sql``
  const { rows } = await db.execute<AlertRow>(sql`
    select id, meter, kind, period_start, limit_value::float8 as limit, threshold, used::float8 as used, crossed_at, notified_at
    from usage_alerts where organization_id = ${organizationId}::uuid ${rest}
    order by crossed_at desc, threshold desc, id desc limit ${limit + 1}::int`)
  return rows
}
