/** What an organization may use in this period without a charge because of the terms that it leaves. */
import type { Sql } from '../../db/client.ts'
import { plannedTerms } from '../../db/overage-terms.ts'
import { METERS } from '../../db/schema/meters.ts'
import { FIRST_PLAN } from '../../db/schema/shapes.ts'
import { SUBSCRIPTION, USED_UNITS } from './queries.ts'

/**
 * Parameters: `$1`, the time; `$2`, the organization. Stores for each counter that is not charged now what the terms of the rest of the
 * period include at least: the limit of the plan, and what was used until now. A plan without a limit or price ends the charging. Where the
 * plan says nothing of a meter, or is the first one, which nobody pays for, only what was used counts.
 */
const KEEP_INCLUDED = `
insert into billing_terms (organization_id, period_start, meter, plan_id, included_units, updated_at)
select organization_id, period_start, meter, plan_id, included, $1 from (
  select o.id as organization_id, period.starts as period_start, t.meter, o.plan_id, case
    when p.id = '${FIRST_PLAN}' or planned.at_limit is null then used.units
    when not planned.is_unlimited then greatest(planned.units, used.units) end::bigint as included
  from organizations o
  join plans p on p.id = o.plan_id
  cross join lateral (select usage_period_start(o.period_anchor, $1::timestamptz) as starts) period
  left join usage_periods u on u.organization_id = o.id and u.period_start = period.starts
  cross join lateral (
    select unnest('{${METERS.join(',')}}'::text[]) as meter
    union select slug from meters where kind = 'counter' and not is_builtin) t
  cross join lateral ${plannedTerms('t.meter')} planned
  cross join lateral (
    select coalesce(${USED_UNITS}, 0) - coalesce((select sum(l.units) from billing_usage_ledger l
      where l.organization_id = o.id and l.period_start = period.starts and l.meter = t.meter), 0) as units) used
  where o.id = $2 and not (planned.is_priced and exists (select from subscriptions s where ${SUBSCRIPTION}))) kept
where included is distinct from 0
order by meter
on conflict (organization_id, period_start, meter) do update set
  included_units = case when excluded.included_units is not null then greatest(billing_terms.included_units, excluded.included_units) end,
  updated_at = excluded.updated_at
where billing_terms.included_units < coalesce(excluded.included_units, ${Number.MAX_SAFE_INTEGER})`

/** @param at Unix milliseconds */
export async function keepIncluded(sql: Sql, organizationId: string, at: number): Promise<void> {
  await sql.query(KEEP_INCLUDED, [new Date(at).toISOString(), organizationId])
}
