import { sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { amountIn, METERS, type Meter } from '../../db/schema/meters.ts'
import type { Deps } from '../../deps.ts'
import { type PageOf } from '../../http/paging.ts'
import { log } from '../../lib/log.ts'

/** The percentages of organizations that chose none. */
export const DEFAULT_THRESHOLDS = [80, 95]

/** What `numeric(20, 6)` holds: one organization beyond it must not keep the others from being told. */
const MAX_UNITS = '99999999999999'

/** Unreadable limits and thresholds that one run returns. */
const MAX_LOGGED = 100
/** What a threshold's column holds. */
const MAX_THRESHOLD = 32_767
/** Finds what is no list of percentages. */
const ODD_THRESHOLDS = 'strict $ ? (@.type() != "array" || exists(@[*] ? (@.type() != "number")))'

/**
 * Writes down every threshold that usage has reached, 100 always among them: each once per period, meter, limit and
 * threshold, whoever else does so at this moment. Sorted, so that two runs at once wait for each other in one order.
 *
 * A limit or thresholds that cannot be read are returned and take part in nothing: one odd row must not stop the others.
 *
 * A period that ended within the look-back is looked at once more. What is below something that was told already is
 * written down as told: who was told of 95 % need not hear of 50 % when they ask for that later.
 */
const RECORD = `
with readings as (
  select u.organization_id, u.period_start, reading.meter, reading.used
  from usage_periods u
  join organizations o on o.id = u.organization_id
    and u.period_start in (usage_period_start(o.period_anchor, $1), usage_period_start(o.period_anchor, $3))
  cross join lateral (values ${METERS.map((meter) => `('${meter}', (${amountIn('u', meter)})::numeric)`).join(', ')}) as reading(meter, used)
  where u.updated_at >= $2
  union all
  select g.organization_id, usage_period_start(o.period_anchor, $1), g.meter, g.value
  from usage_gauges g join organizations o on o.id = g.organization_id
  where g.observed_at >= $2
), limited as (
  select r.organization_id, r.period_start, r.meter, least(r.used, ${MAX_UNITS}) as used, coalesce(nullif(o.limit_overrides->r.meter, 'null'), p.limits->'meters'->r.meter->'limit', 'null') as told_limit,
    coalesce(o.alert_thresholds, $4::jsonb) as told_thresholds
  from readings r join organizations o on o.id = r.organization_id join plans p on p.id = o.plan_id
), measured as materialized (
  select *, case jsonb_typeof(told_limit) when 'number' then least(round((told_limit#>>'{}')::numeric, 6), ${MAX_UNITS}) end as limit_value,
    case jsonb_typeof(told_thresholds) when 'array' then told_thresholds else '[]' end as thresholds,
    jsonb_typeof(told_limit) in ('number', 'null') and not jsonb_path_exists(told_thresholds, '${ODD_THRESHOLDS}') as is_readable
  from limited
), crossed as (
  insert into usage_alerts (organization_id, period_start, meter, limit_value, threshold, used, crossed_at, notified_at)
  select m.organization_id, m.period_start, m.meter, m.limit_value, passed.threshold, m.used, $1, case when exists (
    select 1 from usage_alerts told where told.organization_id = m.organization_id and told.period_start = m.period_start
      and told.meter = m.meter and told.limit_value = m.limit_value and told.threshold > passed.threshold
      and told.notified_at is not null) then $1::timestamptz end
  from measured m
  cross join lateral (
    select case jsonb_typeof(value) when 'number' then least((value#>>'{}')::numeric, ${MAX_THRESHOLD})::smallint end as threshold
    from jsonb_array_elements(m.thresholds) union select 100) passed
  where m.limit_value > 0 and m.used * 100 >= m.limit_value * passed.threshold
  order by m.organization_id, m.period_start, m.meter, m.limit_value, passed.threshold
  on conflict do nothing
  returning 1
)
select (select count(*)::int from crossed) as crossed, (
  select coalesce(json_agg(odd), '[]') from (
    select distinct organization_id, meter from measured where not is_readable order by 1, 2 limit ${MAX_LOGGED}) odd) as unreadable`

interface Look {
  /** Unix milliseconds, as is `since`: the earliest change that is looked at. */
  readonly at: number
  readonly since: number
  readonly lookBackMs: number
}

/** @returns how many thresholds were passed */
export async function recordAlerts({ sql }: Deps, { at, since, lookBackMs }: Look): Promise<number> {
  const times = [at, since, at - lookBackMs].map((time) => new Date(time).toISOString())
  const [row] = await sql.query(RECORD, [...times, JSON.stringify(DEFAULT_THRESHOLDS)])
  for (const odd of row?.unreadable ?? []) log('error', 'usage_limit_unreadable', odd)
  return row?.crossed ?? 0
}

/** What one organization is told of one meter: its open alerts, the one that is told first. */
export interface OpenAlerts {
  readonly organization_id: string
  readonly organization: string
  /** ISO 8601, as is `crossed_at`. */
  readonly period_start: string
  readonly meter: Meter
  readonly alerts: readonly [OpenAlert, ...OpenAlert[]]
  readonly responsible: readonly { readonly email: string; readonly name: string | null }[]
}

export interface OpenAlert {
  readonly id: string
  readonly threshold: number
  readonly limit: number
  readonly used: number
  readonly crossed_at: string
}

export type AlertRow = {
  readonly id: string
  readonly meter: Meter
  readonly period_start: string
  readonly limit: number
  readonly threshold: number
  readonly used: number
  readonly crossed_at: string
  readonly notified_at: string | null
}

/** One page of an organization's alerts, the latest first, and one row more when there is another page. */
export async function listAlerts(db: Database, organizationId: string, { limit, after }: PageOf): Promise<AlertRow[]> {
  const rest = after
    ? sql`and (crossed_at, threshold, id) < (select crossed_at, threshold, id from usage_alerts
        where organization_id = ${organizationId}::uuid and id = ${after}::uuid)`
    : sql``
  const { rows } = await db.execute<AlertRow>(sql`
    select id, meter, period_start, limit_value::float8 as limit, threshold, used::float8 as used, crossed_at, notified_at
    from usage_alerts where organization_id = ${organizationId}::uuid ${rest}
    order by crossed_at desc, threshold desc, id desc limit ${limit + 1}::int`)
  return rows
}
