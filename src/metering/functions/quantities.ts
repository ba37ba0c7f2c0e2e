/** The part of the statement that writes a batch of events (statements.ts) which counts custom meters. */
import { customUseIn } from '../../limits/meters/custom.ts'
import { addTo, groupRows, METER_HOURS, METER_PERIODS, METER_SUBJECT_DAYS, ofSubjects } from '../roll-up-sql.ts'

/**
 * One row for each amount of a fresh event. Unknown meters are left out: all are checked before
 * (metering/quantity-flaws.ts), verifications when they are admitted. Excess decimals are rounded half up, as there.
 */
const AMOUNTS = `
amounts as materialized (
  select c.*, m.slug as meter, m.kind, round(quantity.value::numeric, m.scale) as amount
  from counted c cross join lateral jsonb_each_text(c.quantities) as quantity(slug, value)
  join meters m on m.slug = quantity.slug and not m.is_builtin
)`

const OF_PERIODS = {
  amount: 'sum(amount)',
  even_amount: 'coalesce(sum(amount) filter (where lane = 0), 0)',
  odd_amount: 'coalesce(sum(amount) filter (where lane = 1), 0)',
}

const WITH_PERIOD = `(select a.*, usage_period_start(o.period_anchor, a.occurred_at) as period_start
  from amounts a left join organizations o on o.id = a.organization_id where a.kind = 'counter') as placed`

const WITH_HOUR = `(select organization_id, date_trunc('hour', occurred_at, 'UTC') as hour, meter,
  coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id, environment, endpoint, status_code, provider, model, route, amount
  from amounts where kind = 'counter') as placed`

const COUNTED = `(select * from amounts where kind = 'counter') as counters`

/** Parts of the statement for a batch with quantities. They are omitted for all others. */
export const COUNT_QUANTITIES = `${AMOUNTS}, meter_periods as (${addTo(
  'usage_meter_periods',
  METER_PERIODS,
  Object.keys(OF_PERIODS),
  `(${groupRows(METER_PERIODS, OF_PERIODS, WITH_PERIOD)}) as sums`,
)}
  returning *
), meter_hours as (${addTo('usage_meter_hourly', METER_HOURS, ['amount'], `(${groupRows(METER_HOURS, { amount: 'sum(amount)' }, WITH_HOUR)}) as sums`)}
), meter_subject_days as (${addTo('usage_meter_subject_days', METER_SUBJECT_DAYS, ['amount'], `(${groupRows(METER_SUBJECT_DAYS, { amount: 'sum(amount)' }, ofSubjects(COUNTED))}) as sums`)}
), meter_readings as (
  insert into usage_gauges as known (organization_id, meter, value, observed_at)
  select distinct on (organization_id, meter) organization_id, meter, amount, occurred_at from amounts
  where kind = 'gauge' order by organization_id, meter, occurred_at desc, position desc
  on conflict (organization_id, meter) do update set value = excluded.value, observed_at = excluded.observed_at
    where known.observed_at <= excluded.observed_at
), `

/** A column of the statement: the usage of custom counters in the periods that the batch adds to. */
export const QUANTITIES_USED = `,
  (select coalesce(jsonb_agg(jsonb_build_object('organization_id', p.organization_id, 'period_start', extract(epoch from p.period_start) * 1000,
    'meter', p.meter, 'used', ${customUseIn('p')})), '[]') from meter_periods p join meters m on m.slug = p.meter) as quantities`
