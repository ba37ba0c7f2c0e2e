/**
 * SQL of what use above limits costs an organization `o` on a plan `p`. Units are those of the bill: of `cost_usd` millionths of a
 * dollar, of all others whole ones.
 */
import { billedPerOne, caseOfMeter } from './schema/meters.ts'

/**
 * What the plan and the organization's own limits say of a meter, whatever was in force before in the same period: `included`, the
 * limit as it is stored; `units`, the same in billed units, null if there is none or if it cannot be read; `is_priced`, whether use
 * above it has a price; `is_unlimited`, whether all use is included; `tiers`.
 *
 * @param meter SQL of the meter's name
 */
export const plannedTerms = (meter: string) => `(
  select read.*, not read.is_priced and read.at_limit is distinct from 'block' or coalesce(jsonb_typeof(read.included), 'null') = 'null' as is_unlimited,
    case when read.raw between 0 and ${Number.MAX_SAFE_INTEGER} then read.raw end as units
  from (
    select l.*, coalesce(l.at_limit = 'allow' and p.overage->${meter} is not null, false) as is_priced, p.overage->${meter}->'tiers' as tiers,
      case jsonb_typeof(l.included) when 'number' then ceil((l.included#>>'{}')::numeric * coalesce(${caseOfMeter(meter, billedPerOne)}, 1)) end as raw
    from (select coalesce(nullif(o.limit_overrides->${meter}, 'null'), plan_limits(p.limits, o.limit_additions)->'meters'->${meter}->'limit') as included,
      p.limits->'meters'->${meter}->>'at_limit' as at_limit) l) read)`

/** The names of the meters that a plan prices. */
export const PRICED_METERS = `jsonb_object_keys(case jsonb_typeof(p.overage) when 'object' then p.overage else '{}' end)`

/**
 * Rows of `meter`, `included` and `tiers`: by what the use of a running period is charged. The terms that were recorded for the period
 * count, or the plan's if they include more, as in billing/overage/queries.ts. A meter that is charged no further has no row.
 *
 * @param periodStart SQL of the period's start
 */
export const overageTerms = (periodStart: string) => `
  select meter, included, tiers from (
    select named.meter,
      case when not planned.is_unlimited and (t.meter is null or t.included_units is not null)
        then greatest(t.included_units, planned.units) end as included,
      case when planned.is_priced and (t.tiers is null or planned.units > t.included_units) then planned.tiers else t.tiers end as tiers
    from (
      select ${PRICED_METERS} as meter
      union select b.meter from billing_terms b where b.organization_id = o.id and b.period_start = ${periodStart}) named
    left join billing_terms t on t.organization_id = o.id and t.period_start = ${periodStart} and t.meter = named.meter
    cross join lateral ${plannedTerms('named.meter')} planned) terms
  where included is not null and jsonb_typeof(tiers) = 'array'`
