/** The statement that replaces what an event counted by something else, in the event and in every sum of it. */
import { COUNTER_COLUMNS, isMoneyColumn } from '../db/schema/meters.ts'
import { LATENCY_BOUNDS_MS, LATENCY_COLUMNS } from '../db/schema/shapes.ts'
import { KIND_COLUMNS } from './functions/sums.ts'
import {
  addByHour,
  addTo,
  groupRows,
  MARK_LATE,
  METER_HOURS,
  METER_PERIODS,
  ofSubjects,
  PERIODS,
  SLICED,
  SUBJECT_DAYS,
} from './roll-up-sql.ts'

const TEXTS = ['endpoint', 'provider', 'model', 'route', 'error_code'] as const
const AMOUNTS = [...COUNTER_COLUMNS.filter((name) => name !== 'unpriced' && !isMoneyColumn(name)), ...KIND_COLUMNS]
const OTHERS = ['requests', 'response_time_ms', 'status_code'] as const
/** What a correction may change, and what a voided event loses. */
const CHANGED = [
  ...TEXTS,
  ...OTHERS,
  ...AMOUNTS,
  'cost_usd',
  'charge_usd',
  'markup_percent',
  'price_per_call_usd',
  'quantities',
]

const TYPES = [
  ...TEXTS.map((name) => `${name} text`),
  ...OTHERS.map((name) => `${name} integer`),
  ...AMOUNTS.map((name) => `${name} bigint`),
  'cost_usd numeric, charge_usd numeric, quantities jsonb',
].join(', ')

/** An event that had no calls gets the price of today; one with calls keeps its own, and may have none. */
const PRICE_OF_CALLS = `case when greatest(b.api_calls, (b.correction -> 'original' ->> 'api_calls')::bigint) > 0
  then b.price_per_call_usd else coalesce(b.price_per_call_usd, p.price_per_call_usd) end`

const count = (condition: string) => `coalesce(sum(sign) filter (where ${condition}), 0)`
const COUNTS = {
  requests: 'sum(sign * requests)',
  errors: 'coalesce(sum(sign * greatest(requests, 1)) filter (where status_code >= 400 or error_code is not null), 0)',
  ...Object.fromEntries(COUNTER_COLUMNS.map((name) => [name, `coalesce(sum(sign * ${name}), 0)`])),
  unpriced: count(`model <> '' and cost_usd is null`),
}
const TIMES = {
  response_time_ms_sum: 'coalesce(sum(sign * response_time_ms), 0)',
  response_time_count: count('response_time_ms is not null'),
  ...Object.fromEntries(LATENCY_COLUMNS.map((name, bucket) => [name, count(`latency = ${bucket}`)])),
}
const ALL = { ...COUNTS, ...TIMES }
const PLACE = 'organization_id, occurred_at, id, key_id, environment, subject'
const SIGNED = `${PLACE}, ${CHANGED.join(', ')}`

/** How long the change of an event can be counted again in limits: shorter than Redis remembers that it was ({@link COUNTED_MS}). */
const REMEMBERED = `interval '55 minutes'`
const difference = (name: string) => `'${name}', a.${name} - b.${name}`

/** What the correction changes of the limits of the event's key, for itself when it is repeated. Those before it stay. */
const REMEMBER = `jsonb_build_object('counts', jsonb_build_array(jsonb_build_object('claim', i.claim, 'at', now(),
  'xid', pg_current_xact_id()::text::bigint, 'told_at', extract(epoch from b.ingested_at)::float8 * 1000,
  'key_id', b.key_id, 'subject', b.subject, ${['api_calls', 'queries', 'input_tokens', 'output_tokens'].map(difference).join(', ')},
  'charge_nano_usd', ((coalesce(a.charge_usd, 0) - coalesce(b.charge_usd, 0)) * 1000000000)::bigint,
  'from_quantities', coalesce(b.quantities, '{}'), 'to_quantities', coalesce(a.quantities, '{}')))
  || coalesce((select jsonb_agg(known) from jsonb_array_elements(b.correction -> 'counts') known
    where (known ->> 'at')::timestamptz > now() - ${REMEMBERED}), '[]'))`

/** What a correction changed of what an event counted: after less before. */
export interface CountedChange {
  /** The transaction that made it. */
  readonly xid: number
  /** Unix milliseconds when the event was written, and then counted. */
  readonly told_at: number
  /** Of the event, in ISO 8601, and of its usage period, in Unix milliseconds. */
  readonly occurred_at: string
  readonly period_start: number
  readonly key_id: string | null
  readonly subject: string | null
  readonly api_calls: number
  readonly queries: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly charge_nano_usd: number
  readonly from_quantities: Readonly<Record<string, number>>
  readonly to_quantities: Readonly<Record<string, number>>
}

/** $1: the organization. $2: the event's moment. $3: its id. $4: the correction's claim. Nothing for one that is too long ago. */
export const FIND_CHANGE = `
select counted.value || jsonb_build_object('occurred_at', e.occurred_at,
  'period_start', extract(epoch from usage_period_start(o.period_anchor, e.occurred_at))::float8 * 1000) as change
from usage_events e join organizations o on o.id = e.organization_id
  cross join jsonb_array_elements(e.correction -> 'counts') as counted(value)
where e.organization_id = $1 and e.occurred_at = $2 and e.id = $3 and counted.value ->> 'claim' = $4
  and (counted.value ->> 'at')::timestamptz > now() - ${REMEMBERED}`

/** Credits do not pay for what was charged before they began, nor do they get back what of it is corrected. */
const LOWER_UNPAID = `
  update credit_accounts c set charged_before = c.charged_before + d.charge
  from (select s.organization_id, coalesce(sum(s.sign * s.charge_usd), 0) as charge from signed s group by 1) d, before b
  where c.organization_id = d.organization_id and b.ingested_at < c.began_at and d.charge <> 0`

/** Without the sums that a repeat would change: `before` is read under the lock that the batch has taken. */
const CORRECT = `, before as materialized (
  select e.* from usage_events e
  join input i on e.organization_id = i.organization_id and e.occurred_at = i.occurred_at and e.id = i.id
), after as materialized (
  select b.organization_id, b.occurred_at, b.id, b.key_id, b.environment, b.subject,
    ${[...TEXTS, ...OTHERS, ...AMOUNTS].map((name) => `a.${name}`).join(', ')}, round(a.cost_usd, 9) as cost_usd,
    case when a.cost_usd is not null or (a.api_calls > 0 and m.per_call is not null) then coalesce(a.charge_usd,
      coalesce(round(a.cost_usd * (100 + m.percent) / 100, 9), 0) + coalesce(a.api_calls * m.per_call, 0)) end as charge_usd,
    case when a.cost_usd is not null then m.percent end as markup_percent,
    case when a.api_calls > 0 then m.per_call else b.price_per_call_usd end as price_per_call_usd, a.quantities
  from before b cross join input i cross join lateral jsonb_to_record(i.after) as a(${TYPES})
    left join organizations o on o.id = b.organization_id left join plans p on p.id = o.plan_id
    cross join lateral (select coalesce(b.markup_percent, p.markup_percent, 0) as percent, ${PRICE_OF_CALLS} as per_call) m
), updated as (
  update usage_events e set ${CHANGED.map((name) => `${name} = a.${name}`).join(', ')}, correction = i.correction || ${REMEMBER}
  from after a, before b, input i where e.organization_id = a.organization_id and e.occurred_at = a.occurred_at and e.id = a.id
), signed as (
  select -1 as sign, ${SIGNED} from before where not coalesce((correction ->> 'void')::boolean, false)
  union all
  select 1, ${SIGNED} from after where not (select (i.correction ->> 'void')::boolean from input i)
), placed as materialized (
  select s.*, date_trunc('hour', s.occurred_at, 'UTC') as hour, usage_period_start(o.period_anchor, s.occurred_at) as period_start,
    width_bucket(s.response_time_ms - 1, '{${LATENCY_BOUNDS_MS.join(',')}}'::integer[]) as latency
  from (select sign, organization_id, occurred_at, coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id, environment, subject,
    ${CHANGED.join(', ')} from signed) as s left join organizations o on o.id = s.organization_id
), ${addByHour(ALL, SLICED)}, periods as (${addTo('usage_periods', PERIODS, Object.keys(COUNTS), `(${groupRows(PERIODS, COUNTS, 'placed')}) as periods`)}, updated_at = now()
  returning 1
), subject_days as (${addTo('usage_subject_days', SUBJECT_DAYS, Object.keys(COUNTS), `(${groupRows(SUBJECT_DAYS, COUNTS, ofSubjects('placed'))}) as subjects`)}
), ${MARK_LATE}quantities as materialized (
  select p.*, m.slug as meter, p.sign * round(quantity.value::numeric, m.scale) as amount
  from placed p cross join lateral jsonb_each_text(p.quantities) as quantity(slug, value)
  join meters m on m.slug = quantity.slug and not m.is_builtin and m.kind = 'counter'
), meter_periods as (${addTo('usage_meter_periods', METER_PERIODS, ['amount'], `(${groupRows(METER_PERIODS, { amount: 'sum(amount)' }, 'quantities')}) as sums`)}
), meter_hours as (${addTo('usage_meter_hourly', METER_HOURS, ['amount'], `(${groupRows(METER_HOURS, { amount: 'sum(amount)' }, 'quantities')}) as sums`)}
), unpaid as (${LOWER_UNPAID}
), keys as (
  update api_key_usage k set total_requests = k.total_requests + d.requests
  from (select key_id, sum(sign * requests) as requests from placed group by 1) d where k.key_id = d.key_id
)
select count(*) from periods`

/** Amounts and descriptions that an event has after its correction. A voided one has no amounts. */
export interface CorrectionInput {
  readonly organization_id: string
  /** ISO 8601 with microseconds. */
  readonly occurred_at: string
  readonly id: string
  readonly after: Readonly<Record<string, unknown>>
  readonly correction: Readonly<Record<string, unknown>>
  /** By which its change is found again ({@link FIND_CHANGE}). */
  readonly claim: string
}

/**
 * The statement, in two parts: between them stands a parameter, the JSON of a {@link CorrectionInput}. To run under
 * `lockUsageEvent` in the same batch.
 */
export const CORRECT_EVENT = [
  'with input as materialized (select * from jsonb_to_record(',
  `::jsonb) as input(organization_id uuid, occurred_at timestamptz, id text, after jsonb, correction jsonb, claim text)
)${CORRECT}`,
] as const
