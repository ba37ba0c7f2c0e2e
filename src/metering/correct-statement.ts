/** The statement that replaces the counted values of an event, in the event and in all its sums. */
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
  METER_SUBJECT_DAYS,
  ofSubjects,
  PERIODS,
  SLICED,
  SUBJECT_DAYS,
} from './roll-up-sql.ts'

const TEXTS = ['endpoint', 'provider', 'model', 'route', 'error_code'] as const
const AMOUNTS = [...COUNTER_COLUMNS.filter((name) => name !== 'unpriced' && !isMoneyColumn(name)), ...KIND_COLUMNS]
const OTHERS = ['requests', 'response_time_ms', 'status_code'] as const
/** The fields that a correction may change, and that a voided event loses. */
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

/** Whose the event is. What is not in `after` stays as it was reported. */
const WHOSE = ['key_id', 'user_id', 'environment', 'subject']

const TYPES = [
  ...TEXTS.map((name) => `${name} text`),
  ...OTHERS.map((name) => `${name} integer`),
  ...AMOUNTS.map((name) => `${name} bigint`),
  'cost_usd numeric, charge_usd numeric, quantities jsonb',
].join(', ')

/** An event without calls gets today's price; one with calls keeps its own price, or none. */
const PRICE_OF_CALLS = `case when greatest(b.api_calls, (b.correction -> 'original' ->> 'api_calls')::bigint) > 0
  then b.price_per_call_usd else coalesce(b.price_per_call_usd, p.price_per_call_usd) end`

const count = (condition: string) => `coalesce(sum(sign) filter (where ${condition}), 0)`
const COUNTS = {
  requests: 'sum(sign * requests)',
  errors:
    'coalesce(sum(sign * greatest(requests, least_errors)) filter (where status_code >= 400 or error_code is not null), 0)',
  ...Object.fromEntries(COUNTER_COLUMNS.map((name) => [name, `coalesce(sum(sign * ${name}), 0)`])),
  unpriced: count(`model <> '' and cost_usd is null`),
}
const TIMES = {
  response_time_ms_sum: 'coalesce(sum(sign * response_time_ms), 0)',
  response_time_count: count('response_time_ms is not null'),
  ...Object.fromEntries(LATENCY_COLUMNS.map((name, bucket) => [name, count(`latency = ${bucket}`)])),
}
const ALL = { ...COUNTS, ...TIMES }
/**
 * The error of a report that completes a request is counted with the request (complete.ts), not here. Earlier releases
 * counted it with the report.
 */
const LEAST_ERRORS = `case when (trace ->> 'fails_request')::boolean then 0 else 1 end`
const signed = (subject: string, leastErrors: string) =>
  `organization_id, occurred_at, id, key_id, environment, ${subject} as subject, ${leastErrors} as least_errors, ${CHANGED.join(', ')}`

/** Where the event was reported for, by the row that is locked: an erasure may have gone over it since it was read. */
const reported = (name: string) =>
  `case when b.correction -> 'original' ? '${name}' then b.correction #>> '{original,${name}}' else b.${name}::text end`
/** What is not given stays as it was reported. */
const given = (name: string) => `case when i.after ? '${name}' then i.after ->> '${name}' else ${reported(name)} end`
/** Somebody who is being erased is among those who were: the job that takes them out of raw events may have passed this one. */
const forget = (subject: string) =>
  `case when ${subject} in (select f.subject from forgotten f) then '' else ${subject} end`
/** Nor does the event keep what privacy/erase-usage.ts takes out of theirs. */
const ERASED = ['ip', 'user_agent', 'metadata']
  .map((name) => `${name} = case when s.subject in (select f.subject from forgotten f) then null else b.${name} end`)
  .join(', ')
/** Of a key and what it follows from: an event of another key is as if it had been reported for that. */
const ofKey = (column: string, other: string) =>
  `case when n.key_id is not distinct from b.key_id then b.${column} else ${other} end as ${column}`

/** How long the change of an event can be counted again in limits: shorter than Redis keeps the marker of the count ({@link COUNTED_MS}). */
const REMEMBERED = `interval '55 minutes'`
const NOW_MS = 'extract(epoch from now())::float8 * 1000'
const TOLD_MS = 'extract(epoch from b.ingested_at)::float8 * 1000'

const listUse = (of: string) =>
  `'key_id', ${of}.key_id, ${['api_calls', 'queries', 'input_tokens', 'output_tokens']
    .map((name) => `'${name}', ${of}.${name}`)
    .join(
      ', ',
    )}, 'charge_nano_usd', (coalesce(${of}.charge_usd, 0) * 1000000000)::bigint, 'quantities', coalesce(${of}.quantities, '{}')`

/**
 * What the correction changes of the limits of the event's key and of its subject, for itself when it is repeated. Those before it
 * stay. Of the latest one is also known since when the event counts for them.
 */
const REMEMBER = `jsonb_build_object('counts', jsonb_build_array(jsonb_build_object('claim', i.claim, 'at', now(),
  'xid', pg_current_xact_id()::text::bigint, 'told_at', ${TOLD_MS}, 'charge_before_credits', (select d.began_with::text from charge_change d where d.is_early),
  'from', jsonb_build_object('subject', b.subject, 'key_since', s.key_since, 'subject_since', s.subject_since, ${listUse('b')}),
  'to', jsonb_build_object('subject', case when s.subject = b.subject then b.subject else a.subject end,
    'key_since', case when s.other_key then ${NOW_MS} else s.key_since end,
    'subject_since', case when s.other_subject then ${NOW_MS} else s.subject_since end, ${listUse('a')})))
  || coalesce((select jsonb_agg(known) from jsonb_array_elements(b.correction -> 'counts') known
    where (known ->> 'at')::timestamptz > now() - ${REMEMBERED}), '[]'),
  'original', coalesce(i.correction -> 'original', '{}') || jsonb_build_object('subject', s.reported_subject))`

/** Whose use it was or is, and what it was: an event that was voided used nothing. */
export interface CountedUse {
  readonly key_id: string | null
  /** Empty for somebody who was erased. */
  readonly subject: string | null
  /** Unix milliseconds since when it counts for the key, or those that it replaced, and for the subject with it. */
  readonly key_since: number
  readonly subject_since: number
  readonly api_calls: number
  readonly queries: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly charge_nano_usd: number
  readonly quantities: Readonly<Record<string, number>>
}

/** What a correction changed of what an event counted. */
export interface CountedChange {
  readonly claim: string
  /** The transaction that made it. */
  readonly xid: number
  /** Unix milliseconds when the event was written, and so counted. */
  readonly told_at: number
  /** The event's time, in ISO 8601, and the start of its usage period, in Unix milliseconds. */
  readonly occurred_at: string
  readonly period_start: number
  readonly from: CountedUse
  readonly to: CountedUse
}

/** $1: the organization. $2: the event's moment. $3: its id. The latest corrections, oldest first; not those that are too long ago. */
export const FIND_CHANGES = `
select counted.value || jsonb_build_object('occurred_at', e.occurred_at,
  'period_start', extract(epoch from usage_period_start(o.period_anchor, e.occurred_at))::float8 * 1000) as change
from usage_events e join organizations o on o.id = e.organization_id
  cross join jsonb_array_elements(e.correction -> 'counts') with ordinality as counted(value, place)
where e.organization_id = $1 and e.occurred_at = $2 and e.id = $3 and counted.value ? 'from'
  and (counted.value ->> 'at')::timestamptz > now() - ${REMEMBERED} order by counted.place desc`

/**
 * For an organization with credits: by how much the correction changes the charge (`change`), and by how much it
 * changes the part of the period that the plan covered (`covered`). That part is read under the lock of the
 * organization.
 *
 * A lower charge first lowers the covered part, because credits had paid all they could. Credits do not pay a charge
 * from before they began (`is_early`), and get nothing back from it. The overage ledger has such a charge as it was
 * when the credits began (`began_with`). What a correction adds to that is covered, so that it is overage if the plan
 * has a price for it, and is removed first when the charge is corrected again.
 */
const CHARGE_CHANGE = `
  select b.organization_id, b.is_early, b.began_with, a.charge - b.charge as change, case when u.organization_id is null then 0
    when b.is_early then greatest(-u.covered_usd, greatest(0, a.charge - b.began_with) - greatest(0, b.charge - b.began_with))
    else greatest(-u.covered_usd, least(0, a.charge - b.charge)) end as covered
  from (select e.organization_id, e.occurred_at, coalesce(e.charge_usd, 0) as charge, e.ingested_at < c.began_at as is_early,
    coalesce((e.correction #>> '{counts,0,charge_before_credits}')::numeric, e.charge_usd, 0) as began_with
    from before e join credit_accounts c on c.organization_id = e.organization_id) b
  cross join (select coalesce(charge_usd, 0) as charge from after) a join organizations o on o.id = b.organization_id
  left join usage_periods u on u.organization_id = b.organization_id and u.period_start = usage_period_start(o.period_anchor, b.occurred_at)`

const CHANGE_COVERED = 'covered_usd = known.covered_usd + coalesce((select d.covered from charge_change d), 0)'

/** The rest of an early charge: credits do not pay for it. */
const CHANGE_UNPAID = `
  update credit_accounts c set charged_before = c.charged_before + d.change - d.covered
  from charge_change d where c.organization_id = d.organization_id and d.is_early and d.change <> d.covered`

/** Skips the sums that a repeat would change: `before` is read under the lock that the batch has taken. */
const CORRECT = `, before as materialized (
  select e.* from usage_events e
  join input i on e.organization_id = i.organization_id and e.occurred_at = i.occurred_at and e.id = i.id
), named as materialized (
  select (${given('key_id')})::uuid as key_id, ${given('subject')} as subject, ${reported('subject')} as reported_subject
  from before b cross join input i
), forgotten as materialized (
  select x.subject from usage_erasures x join before b on b.organization_id = x.organization_id cross join named n
  where x.subject <> '' and x.subject in (b.subject, n.subject, n.reported_subject)
), whose as materialized (
  select n.key_id, ${ofKey('environment', `coalesce(k.environment, '')`)}, ${ofKey('user_id', 'k.created_by')}, n.subject,
    ${forget('n.reported_subject')} as reported_subject, d.other_key, d.other_key or n.subject is distinct from b.subject as other_subject,
    coalesce((b.correction #>> '{counts,0,to,key_since}')::float8, ${TOLD_MS}) as key_since,
    coalesce((b.correction #>> '{counts,0,to,subject_since}')::float8, ${TOLD_MS}) as subject_since
  from before b cross join named n left join api_keys k on k.id = n.key_id and k.organization_id = b.organization_id
    left join api_keys p on p.id = b.key_id and p.organization_id = b.organization_id
    cross join lateral (select coalesce(k.lineage_id, n.key_id) is distinct from coalesce(p.lineage_id, b.key_id) as other_key) d
), after as materialized (
  select b.organization_id, b.occurred_at, b.id, s.key_id, s.user_id, s.environment, ${forget('s.subject')} as subject,
    ${[...TEXTS, ...OTHERS, ...AMOUNTS].map((name) => `a.${name}`).join(', ')}, round(a.cost_usd, 9) as cost_usd,
    case when a.cost_usd is not null or (a.api_calls > 0 and m.per_call is not null) then coalesce(a.charge_usd,
      coalesce(round(a.cost_usd * (100 + m.percent) / 100, 9), 0) + coalesce(a.api_calls * m.per_call, 0)) end as charge_usd,
    case when a.cost_usd is not null then m.percent else b.markup_percent end as markup_percent,
    case when a.api_calls > 0 then m.per_call else b.price_per_call_usd end as price_per_call_usd, a.quantities, ${LEAST_ERRORS} as least_errors
  from before b cross join whose s cross join input i cross join lateral jsonb_to_record(i.after) as a(${TYPES})
    left join organizations o on o.id = b.organization_id left join plans p on p.id = o.plan_id
    cross join lateral (select coalesce(b.markup_percent, p.markup_percent, 0) as percent, ${PRICE_OF_CALLS} as per_call) m
), charge_change as materialized (${CHARGE_CHANGE}
), updated as (
  update usage_events e set ${[...WHOSE, ...CHANGED].map((name) => `${name} = a.${name}`).join(', ')}, ${ERASED}, correction = i.correction || ${REMEMBER}
  from after a, before b, whose s, input i where e.organization_id = a.organization_id and e.occurred_at = a.occurred_at and e.id = a.id
), signed as (
  select -1 as sign, ${signed(forget('b.subject'), LEAST_ERRORS)} from before b where not coalesce((correction ->> 'void')::boolean, false)
  union all
  select 1, ${signed('subject', 'least_errors')} from after where not (select (i.correction ->> 'void')::boolean from input i)
), placed as materialized (
  select s.*, date_trunc('hour', s.occurred_at, 'UTC') as hour, usage_period_start(o.period_anchor, s.occurred_at) as period_start,
    width_bucket(s.response_time_ms - 1, '{${LATENCY_BOUNDS_MS.join(',')}}'::integer[]) as latency
  from (select sign, organization_id, occurred_at, coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id, environment, subject,
    least_errors, ${CHANGED.join(', ')} from signed) as s left join organizations o on o.id = s.organization_id
), ${addByHour(ALL, SLICED)}, periods as (${addTo('usage_periods', PERIODS, Object.keys(COUNTS), `(${groupRows(PERIODS, COUNTS, 'placed')}) as periods`)}, updated_at = now(), ${CHANGE_COVERED}
  returning 1
), subject_days as (${addTo('usage_subject_days', SUBJECT_DAYS, Object.keys(COUNTS), `(${groupRows(SUBJECT_DAYS, COUNTS, ofSubjects('placed'))}) as subjects`)}
), ${MARK_LATE}quantities as materialized (
  select p.*, m.slug as meter, p.sign * round(quantity.value::numeric, m.scale) as amount
  from placed p cross join lateral jsonb_each_text(p.quantities) as quantity(slug, value)
  join meters m on m.slug = quantity.slug and not m.is_builtin and m.kind = 'counter'
), meter_periods as (${addTo('usage_meter_periods', METER_PERIODS, ['amount'], `(${groupRows(METER_PERIODS, { amount: 'sum(amount)' }, 'quantities')}) as sums`)}
), meter_hours as (${addTo('usage_meter_hourly', METER_HOURS, ['amount'], `(${groupRows(METER_HOURS, { amount: 'sum(amount)' }, 'quantities')}) as sums`)}
), meter_subject_days as (${addTo('usage_meter_subject_days', METER_SUBJECT_DAYS, ['amount'], `(${groupRows(METER_SUBJECT_DAYS, { amount: 'sum(amount)' }, ofSubjects('quantities'))}) as sums`)}
), unpaid as (${CHANGE_UNPAID}
), keys as (
  insert into api_key_usage as known (key_id, organization_id, total_requests, last_used_at)
  select key_id, organization_id, sum(sign * requests), max(occurred_at) from placed
  where key_id <> '00000000-0000-0000-0000-000000000000' group by 1, 2 order by 1
  on conflict (key_id) do update set total_requests = known.total_requests + excluded.total_requests,
    last_used_at = greatest(known.last_used_at, excluded.last_used_at)
)
select count(*) from periods`

/**
 * Amounts and descriptions that an event has after its correction; `key_id` and `subject` only if they are given, and null for none.
 * A voided one has no amounts.
 */
export interface CorrectionInput {
  readonly organization_id: string
  /** ISO 8601 with microseconds. */
  readonly occurred_at: string
  readonly id: string
  readonly after: Readonly<Record<string, unknown>>
  readonly correction: Readonly<Record<string, unknown>>
  /** By which its change is known ({@link FIND_CHANGES}). */
  readonly claim: string
}

/**
 * The statement, in two parts: between them goes a parameter, the JSON of a {@link CorrectionInput}. Must run under
 * `lockOrganization` and `lockUsageEvent` in the same batch.
 */
export const CORRECT_EVENT = [
  'with input as materialized (select * from jsonb_to_record(',
  `::jsonb) as input(organization_id uuid, occurred_at timestamptz, id text, after jsonb, correction jsonb, claim text)
)${CORRECT}`,
] as const
