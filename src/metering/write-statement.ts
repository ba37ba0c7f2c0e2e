import { COUNTERS, GAUGES, isMoneyColumn, METERS, selectCounters } from '../db/schema/meters.ts'
import { LATENCY_BOUNDS_MS } from '../db/schema/shapes.ts'
import { claimIds, selectId } from './claim-ids.ts'
import { DIMENSIONS } from './dimensions.ts'
import { isOwn, type UsageEvent, VERIFICATION } from './event.ts'
import {
  addTo,
  DAILY_SLICES,
  groupRows,
  HOURLY,
  MARK_LATE,
  ofSubjects,
  SLICES,
  SUBJECT_DAYS,
  sumColumns,
  TOTALS,
} from './roll-up-sql.ts'
import { COUNT_QUANTITIES, QUANTITIES_USED } from './write-quantities.ts'
import { KIND_COLUMNS, mayPriceCalls, REPORTED_COLUMNS, sumEvents } from './write-sums.ts'

export const PERIODS = ['organization_id', 'period_start']

/** A row of `deltas` once for the total, and once for each dimension with its value. */
export const SLICED = [
  `('', '')`,
  ...Object.entries(DIMENSIONS).map(([dimension, value]) => `('${dimension}', ${value})`),
]

const REPORTED = REPORTED_COLUMNS.join(', ')
/** Money can have fractions and be unknown (null), and so can gauges. All other amounts are whole and present. */
const TYPED = [
  ...REPORTED_COLUMNS.map((name) => `${name} ${isMoneyColumn(name) ? 'numeric' : 'bigint'}`),
  ...GAUGES.map((gauge) => `${gauge} numeric`),
].join(', ')
const AS_COUNTED = [
  ...REPORTED_COLUMNS.map((name) =>
    isMoneyColumn(name) ? roundMoney(`b.${name}`, name) : `coalesce(b.${name}, 0) as ${name}`,
  ),
  ...GAUGES.map((gauge) => `b.${gauge}`),
].join(', ')

/** Money comes with more decimals than are kept, so that each sum is rounded once. */
function roundMoney(amount: string, name: string): string {
  return `round(${amount}, 9) as ${name}`
}

/** What only some batches have, so that the others ask for less. */
interface Kept {
  /** Columns as the batch says them, and as they are stored. */
  readonly typed: string
  readonly counted: string
  readonly stored: string
  readonly from: string
}

const NOTHING: Kept = { typed: '', counted: '', stored: '', from: '' }

/** What the customer pays, from the exact cost, and by which markup. */
const MONEY: Kept = {
  typed: '',
  counted: `${roundMoney('b.cost_usd * (100 + coalesce(plan.markup_percent, 0)) / 100', 'charge_usd')},
    case when b.cost_usd is not null then coalesce(plan.markup_percent, 0) end as markup_percent, `,
  stored: 'charge_usd, markup_percent, ',
  from: ' left join organizations owner on owner.id = b.organization_id left join plans plan on plan.id = owner.plan_id',
}

/** The same with the price of calls: verifications say theirs, reports have that of the plan. */
const CALL_PRICE = `case when b.source = '${VERIFICATION}' then b.price_per_call_usd else plan.price_per_call_usd end`
const PRICED_CALLS: Kept = {
  typed: 'price_per_call_usd numeric, ',
  counted: `case when b.cost_usd is not null or (b.api_calls > 0 and ${CALL_PRICE} is not null)
      then coalesce(round(b.cost_usd * (100 + coalesce(plan.markup_percent, 0)) / 100, 9), 0) + coalesce(b.api_calls * ${CALL_PRICE}, 0) end as charge_usd,
    case when b.cost_usd is not null then coalesce(plan.markup_percent, 0) end as markup_percent,
    case when b.api_calls > 0 then ${CALL_PRICE} end as price_per_call_usd, `,
  stored: 'charge_usd, markup_percent, price_per_call_usd, ',
  from: MONEY.from,
}

function selectMoney(events: readonly UsageEvent[], counts: Readonly<Record<string, string>>): Kept {
  if (events.some(mayPriceCalls)) return PRICED_CALLS
  return Object.hasOwn(counts, 'charge_usd') ? MONEY : NOTHING
}

const KINDS: Kept = {
  typed: KIND_COLUMNS.map((name) => `${name} bigint, `).join(''),
  counted: KIND_COLUMNS.map((name) => `coalesce(b.${name}, 0) as ${name}, `).join(''),
  stored: `${KIND_COLUMNS.join(', ')}, `,
  from: '',
}

const selectKinds = (events: readonly UsageEvent[]) =>
  events.some((event) => KIND_COLUMNS.some((name) => event[name])) ? KINDS : NOTHING

/** By what repeats of a batch's events are found: by ids that are claimed, or by the places of the raw events themselves. */
interface Identity {
  readonly hasClaimed: boolean
  readonly hasOwn: boolean
}

const selectIdentity = (events: readonly UsageEvent[]): Identity => {
  const hasOwn = events.some(isOwn)
  return { hasOwn, hasClaimed: !hasOwn || !events.every(isOwn) }
}

const CLAIMED = `select organization_id, dedupe_key, body_hash, occurred_at from batch where not is_own`

const CLAIMING = {
  hash: `coalesce(decode(event.payload_hash, 'hex'), sha256(convert_to(body::text, 'UTF8')))`,
  claims: `${claimIds('fresh', CLAIMED)}, `,
  join: ' left join fresh f on f.organization_id = b.organization_id and f.key = b.dedupe_key',
  where: 'where b.is_own or f.key is not null',
}
const NOT_CLAIMING = { hash: 'null::bytea', claims: '', join: '', where: '' }

/** Reads the batch, finds its fresh events, stores them, and assigns them to hours and periods. */
function deduplicate(money: Kept, kinds: Kept, { hasClaimed, hasOwn }: Identity): string {
  const { hash, claims, join, where } = hasClaimed ? CLAIMING : NOT_CLAIMING
  const found = hasOwn ? 'candidates' : 'counted'
  const reported = `, reported as (${insertEvents(money, kinds, `${found} where not is_own`)})`
  return `
with incoming as (
  select position, event.*, event.source is not distinct from '${VERIFICATION}' and event.request_id is null as is_own,
    sha256(convert_to(coalesce(event.source || ' ', '') || event.id, 'UTF8')) as dedupe_key,
    ${hash} as body_hash
  from jsonb_array_elements($1::jsonb) with ordinality as item(body, position), jsonb_to_record(item.body) as event(
    id text, source text, payload_hash text, lane smallint, organization_id uuid, occurred_at timestamptz, key_id uuid, user_id uuid,
    environment text, subject text, endpoint text, method text, status_code smallint, response_time_ms integer, requests integer,
    completes uuid, request_id text, ${TYPED}, ${kinds.typed}${money.typed}provider text, model text, route text, ip text, user_agent text,
    error_code text, error_message text, metadata jsonb, trace json, quantities jsonb)
), batch as materialized (
  select distinct on (organization_id, dedupe_key) * from incoming order by organization_id, dedupe_key, position
), ${claims}${found} as materialized (
  select b.position, b.is_own, b.source, b.lane, b.id, b.organization_id, b.occurred_at, b.key_id, b.user_id,
    coalesce(b.environment, '') as environment, b.subject,
    coalesce(b.endpoint, '') as endpoint, coalesce(b.method, '') as method, coalesce(b.status_code, 0) as status_code,
    b.response_time_ms, coalesce(b.requests, 1) as requests, ${AS_COUNTED}, ${money.counted}${kinds.counted}
    coalesce(b.provider, '') as provider, coalesce(b.model, '') as model, coalesce(b.route, '') as route,
    b.ip, b.user_agent, b.error_code, b.error_message, b.metadata,
    case when b.completes is null then b.trace else json_build_object('completes', b.completes) end as trace, b.quantities
  from batch b${join}${money.from}
  ${where}
)${hasOwn ? storeOwn(money, kinds) : ''}${hasClaimed ? reported : ''}, placed as (
  select e.organization_id, date_trunc('hour', e.occurred_at, 'UTC') as hour,
    usage_period_start(o.period_anchor, e.occurred_at) as period_start,
    coalesce(e.key_id, '00000000-0000-0000-0000-000000000000') as key_id, e.environment, e.endpoint, e.status_code,
    e.provider, e.model, e.route, e.requests, e.error_code, ${REPORTED}, ${money === NOTHING ? '' : 'e.charge_usd, '}${money === PRICED_CALLS ? 'e.price_per_call_usd, ' : ''}e.response_time_ms, e.lane,
    width_bucket(e.response_time_ms - 1, '{${LATENCY_BOUNDS_MS.join(',')}}'::integer[]) as latency
  from counted e left join organizations o on o.id = e.organization_id
)`
}

/** In the order of the primary key: the statement waits for the same event in flight elsewhere. */
function insertEvents(money: Kept, kinds: Kept, from: string): string {
  const columns = `id, organization_id, occurred_at, key_id, user_id, environment, subject, endpoint, method, status_code,
    response_time_ms, requests, ${REPORTED}, ${money.stored}${kinds.stored}provider, model,
    route, ip, user_agent, error_code, error_message, metadata, trace, quantities`
  return `
  insert into usage_events (${columns})
  select ${columns} from ${from} order by organization_id, occurred_at, id`
}

/** Stores what is not stored yet, and counts only that. */
const storeOwn = (money: Kept, kinds: Kept) => `, own as (${insertEvents(money, kinds, 'candidates where is_own')}
  on conflict do nothing
  returning organization_id, occurred_at, id
), counted as materialized (
  select c.* from candidates c left join own o on o.organization_id = c.organization_id and o.occurred_at = c.occurred_at and o.id = c.id
  where not c.is_own or o.id is not null
)`

/** Everything that is not a sum: gauges, the keys' last use, and the outcome of each event. */
const SIDE_EFFECTS = `
gauges as (
  insert into usage_gauges as known (organization_id, meter, value, observed_at)
  select distinct on (organization_id, meter) organization_id, meter, value, occurred_at
  from counted, lateral (values ${GAUGES.map((gauge) => `('${gauge}', ${gauge})`).join(', ')}) as gauge(meter, value)
  where value is not null order by organization_id, meter, occurred_at desc, position desc
  on conflict (organization_id, meter) do update set value = excluded.value, observed_at = excluded.observed_at
    where known.observed_at <= excluded.observed_at
), keys as (
  insert into api_key_usage as known (key_id, organization_id, total_requests, last_used_at)
  select key_id, organization_id, sum(requests), max(occurred_at) from counted where key_id is not null
  group by 1, 2 order by 1
  on conflict (key_id) do update set total_requests = known.total_requests + excluded.total_requests,
    last_used_at = greatest(known.last_used_at, excluded.last_used_at)
), judged as (
  select i.position, case
    when c.position = i.position then 'accepted'
    when i.is_own then 'duplicate'
    when c.position is null then (
      select case when d.payload_hash = i.body_hash then 'duplicate' else 'conflict' end
      from (${selectId('i.organization_id', 'i.dedupe_key')}) as d)
    when i.body_hash = b.body_hash then 'duplicate'
    else 'conflict' end as outcome
  from incoming i join batch b on b.organization_id = i.organization_id and b.dedupe_key = i.dedupe_key
    left join counted c on c.position = b.position
)
select pg_current_xact_id()::text as xid, (select count(*) from incoming)::int as sent, (select count(*) from counted)::int as accepted,
  (select coalesce(jsonb_agg(jsonb_build_array(position - 1, outcome)), '[]') from judged
    where outcome is distinct from 'accepted') as others,
  (select coalesce(jsonb_agg(jsonb_build_object('organization_id', organization_id,
    'period_start', extract(epoch from period_start) * 1000, ${METERS.map((meter) => `'${meter}', ${meter}${COUNTERS[meter].isMoney ? '::text' : ''}`).join(', ')}, 'even_calls', even_calls, 'odd_calls', odd_calls, 'even_charges', even_charges::text, 'odd_charges', odd_charges::text)), '[]')
    from periods) as periods`

/** Keeps reports until the requests that they complete are moved (complete.ts): the first report of each request. */
const COMPLETIONS = `
completions as (
  insert into usage_completions (organization_id, request_id, status_code, provider, model, route)
  select distinct on (b.organization_id, b.completes) b.organization_id, b.completes::text, coalesce(b.status_code, 0),
    coalesce(b.provider, ''), coalesce(b.model, ''), coalesce(b.route, '')
  from batch b join counted c on c.position = b.position
  where b.completes is not null order by b.organization_id, b.completes, b.position
  on conflict do nothing
), `

/** The id under which a request's verification is stored, if it is not the request's own. Includes repeats. */
const REQUEST_IDS = `
request_ids as (
  insert into usage_request_ids (organization_id, request_id, event_id)
  select distinct organization_id, request_id, id from incoming where request_id is not null order by 1, 2
  on conflict do nothing
), `

/** What each subject used, by day. */
const addSubjects = (events: readonly UsageEvent[], counts: Readonly<Record<string, string>>) =>
  events.some(({ subject }) => subject)
    ? `
subject_days as (${addTo('usage_subject_days', SUBJECT_DAYS, Object.keys(counts), `(${groupRows(SUBJECT_DAYS, counts, ofSubjects('counted'))}) as subjects`)}
), `
    : ''

/** How verifications were decided, by day and code. */
const VERDICT = ['day', 'organization_id', 'code']
const VERDICTS = `
verdicts as (${addTo(
  'usage_verdicts',
  VERDICT,
  ['requests'],
  `(select (occurred_at at time zone 'UTC')::date as day, organization_id, coalesce(error_code, 'VALID') as code,
    sum(requests) as requests from counted where source = '${VERIFICATION}' group by 1, 2, 3) as decided`,
)}
), `

/** Whether a report arrived before the verification that it completes. */
const AWAITED = `,
  exists (select 1 from incoming i join usage_completions c on c.organization_id = i.organization_id
    and c.request_id = coalesce(i.request_id, i.id) where i.source = '${VERIFICATION}') as awaited`

/** Whether calls were charged. */
const CHARGED = `,
  exists (select 1 from counted where price_per_call_usd > 0) as charged`

/**
 * The statement that writes a batch of events (`$1`, a JSON array). Each event counts once, however often and in
 * however many batches it arrives.
 *
 * 1. `incoming` reads the batch; `batch` collapses repeats inside it, which the unique key would not see.
 * 2. `fresh` claims the ids (claim-ids.ts). A verification's own id needs no claim: `own` stores those that are not stored
 *    yet. Both are sorted, because the statement waits for a repeat in flight elsewhere, and two batches that wait in
 *    opposite orders deadlock.
 * 3. Only fresh events are `counted`: stored, summed once into `deltas`, and those once more by each dimension into
 *    `slices`. Every roll-up is updated from these.
 * 4. `judged` tells for each event that was not counted whether it repeats the known event of its id, or contradicts
 *    it. Null if another batch claimed the id since this statement began, because its hash is not visible yet.
 * 5. Reports that complete a verified request are kept until that request is moved (complete.ts).
 *
 * @param events the same as `$1`: columns that none of them adds to are left out
 * @param mayBeLate whether the hour of one of them may be over
 */
export function writeStatement(events: readonly UsageEvent[], mayBeLate = true): string {
  const { counts, times, lanes } = sumEvents(events)
  const ofPeriod = { ...counts, ...lanes }
  const all = { ...counts, ...times }
  const names = Object.keys(all)
  const hasVerifications = events.some(({ source }) => source === VERIFICATION)
  const hasQuantities = events.some(({ quantities }) => quantities)
  return `${deduplicate(selectMoney(events, counts), selectKinds(events), selectIdentity(events))}, deltas as materialized (
  ${groupRows(HOURLY, all, 'placed')}
), slices as materialized (
  ${groupRows(SLICES, sumColumns(names), `deltas, lateral (values ${SLICED.join(', ')}) as slice(dimension, value) where value <> '' or dimension = ''`)}
), hourly as (${addTo('usage_hourly', HOURLY, names, 'deltas')}
), totals as (${addTo('usage_totals', TOTALS, names, `slices where dimension = ''`)}
), hourly_slices as (${addTo('usage_slices', SLICES, names, `slices where dimension <> ''`)}
), daily_slices as (${addTo('usage_daily_slices', DAILY_SLICES, names, `(${groupRows(DAILY_SLICES, sumColumns(names), DAYS)}) as days`)}
), periods as (${addTo('usage_periods', PERIODS, Object.keys(ofPeriod), `(${groupRows(PERIODS, ofPeriod, 'placed')}) as periods`)}, updated_at = now()
  returning organization_id, period_start, even_calls, odd_calls, even_charges, odd_charges, ${COUNTED}
), ${hasVerifications ? VERDICTS : ''}${mayBeLate ? MARK_LATE : ''}${listKept(events)}${hasQuantities ? COUNT_QUANTITIES : ''}${addSubjects(events, counts)}${SIDE_EFFECTS}${hasQuantities ? QUANTITIES_USED : ''}${hasVerifications ? AWAITED : ''}${events.some(mayPriceCalls) ? CHARGED : ''}`
}

/** What is kept beside the events: reports that complete a request, and requests that have another id. */
function listKept(events: readonly UsageEvent[]): string {
  const completions = events.some(({ completes }) => completes) ? COMPLETIONS : ''
  const requestIds = events.some(({ request_id }) => request_id) ? REQUEST_IDS : ''
  return completions + requestIds
}

/** All counters of the row, including those that this batch adds nothing to. */
const COUNTED = selectCounters('known', String)

export const DAYS = `(select *, (hour at time zone 'UTC')::date as day from slices where dimension <> '') as dated`
