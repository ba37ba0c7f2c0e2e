import { COUNTERS, GAUGES, METERS, selectCounters } from '../db/schema/meters.ts'
import { LATENCY_BOUNDS_MS } from '../db/schema/shapes.ts'
import { DIMENSIONS } from './dimensions.ts'
import type { UsageEvent } from './event.ts'
import { sumEvents } from './write-sums.ts'

/** What each roll-up has a row for: its primary key. */
const HOURLY = [
  'organization_id',
  'hour',
  'key_id',
  'environment',
  'endpoint',
  'status_code',
  'provider',
  'model',
  'route',
]
const TOTALS = ['organization_id', 'hour']
const SLICES = ['organization_id', 'dimension', 'value', 'hour']
const DAILY_SLICES = ['organization_id', 'dimension', 'day', 'value']
const PERIODS = ['organization_id', 'period_start']

/** A row of `deltas` once for the total, and once for each dimension with its value. */
const SLICED = [`('', '')`, ...Object.entries(DIMENSIONS).map(([dimension, value]) => `('${dimension}', ${value})`)]

/**
 * A report that completes a verified request adds none: it moves that request to its own status, provider, model and route,
 * in all sums by them. The first report of a request does, so the request's id is claimed, too.
 */
const COMPLETION_KEY = `sha256(convert_to('completes ' || completes, 'UTF8'))`
const CLAIM_COMPLETIONS = `
  union
  select organization_id, ${COMPLETION_KEY}, sha256('') from batch where completes is not null`
const FIRST_COMPLETION = `exists (select 1 from fresh f where f.organization_id = b.organization_id and f.key = ${COMPLETION_KEY})
      and b.position = min(b.position) over (partition by b.organization_id, b.completes)`

/** The hour in which a request counts is that of its verification, whose moment its id begins with (UUIDv7, RFC 9562 §5.7). */
const VERIFIED_AT = `to_timestamp(('x' || left(replace(b.completes::text, '-', ''), 12))::bit(48)::bigint / 1000.0)`
const REQUESTED_AT = `case when substr(b.completes::text, 15, 1) = '7'
      and ${VERIFIED_AT} between b.occurred_at - interval '1 day' and b.occurred_at then ${VERIFIED_AT} else b.occurred_at end`

/** Reads the batch, claims its ids, stores what is fresh, and places it in time. */
const deduplicate = (completes: boolean) => `
with incoming as (
  select position, event.*, sha256(convert_to(coalesce(event.source || ' ', '') || event.id, 'UTF8')) as dedupe_key,
    coalesce(decode(event.payload_hash, 'hex'), sha256(convert_to(body::text, 'UTF8'))) as body_hash
  from jsonb_array_elements($1::jsonb) with ordinality as item(body, position), jsonb_to_record(item.body) as event(
    id text, source text, payload_hash text, lane smallint, organization_id uuid, occurred_at timestamptz, key_id uuid, user_id uuid,
    environment text, endpoint text, method text, status_code smallint, response_time_ms integer, requests integer,
    completes uuid, api_calls bigint, queries bigint, input_tokens bigint, output_tokens bigint, cached_tokens bigint, concepts numeric,
    storage_gb numeric, provider text, model text, cost_usd numeric, route text, ip text, user_agent text,
    error_code text, error_message text, metadata jsonb)
), batch as materialized (
  select distinct on (organization_id, dedupe_key) * from incoming order by organization_id, dedupe_key, position
), fresh as (
  insert into usage_dedupe (organization_id, key, payload_hash)
  select organization_id, dedupe_key as key, body_hash from batch${completes ? CLAIM_COMPLETIONS : ''} order by organization_id, key
  on conflict do nothing
  returning organization_id, key
), counted as materialized (
  select b.position, b.lane, b.id, b.organization_id, b.occurred_at, b.key_id, b.user_id, coalesce(b.environment, '') as environment,
    coalesce(b.endpoint, '') as endpoint, coalesce(b.method, '') as method, coalesce(b.status_code, 0) as status_code,
    b.response_time_ms, coalesce(b.requests, 1) as requests, coalesce(b.api_calls, 0) as api_calls,
    coalesce(b.queries, 0) as queries, coalesce(b.input_tokens, 0) as input_tokens,
    coalesce(b.output_tokens, 0) as output_tokens, coalesce(b.cached_tokens, 0) as cached_tokens, b.concepts, b.storage_gb,
    coalesce(b.provider, '') as provider, coalesce(b.model, '') as model, b.cost_usd, coalesce(b.route, '') as route,
    b.ip, b.user_agent, b.error_code, b.error_message, b.metadata, ${completes ? FIRST_COMPLETION : 'false'} as moves,
    ${completes ? REQUESTED_AT : 'b.occurred_at'} as requested_at
  from batch b join fresh f on f.organization_id = b.organization_id and f.key = b.dedupe_key
), stored as (
  insert into usage_events (id, organization_id, occurred_at, key_id, user_id, environment, endpoint, method, status_code,
    response_time_ms, requests, api_calls, queries, input_tokens, output_tokens, cached_tokens, provider, model, cost_usd,
    route, ip, user_agent, error_code, error_message, metadata)
  select id, organization_id, occurred_at, key_id, user_id, environment, endpoint, method, status_code,
    response_time_ms, requests, api_calls, queries, input_tokens, output_tokens, cached_tokens, provider, model, cost_usd,
    route, ip, user_agent, error_code, error_message, metadata
  from counted
), placed as (
  select e.organization_id, date_trunc('hour', e.requested_at, 'UTC') as hour,
    usage_period_start(o.period_anchor, e.occurred_at) as period_start,
    coalesce(e.key_id, '00000000-0000-0000-0000-000000000000') as key_id, e.environment, e.endpoint,
    ${completes ? `case when e.moves and e.status_code = 0 then ${VERIFIED} else e.status_code end as status_code` : 'e.status_code'},
    e.provider, e.model, e.route, e.requests + e.moves::int as requests, e.error_code, e.api_calls, e.queries,
    e.input_tokens, e.output_tokens, e.cached_tokens, e.cost_usd, e.response_time_ms, e.lane,
    width_bucket(e.response_time_ms - 1, '{${LATENCY_BOUNDS_MS.join(',')}}'::integer[]) as latency
  from counted e left join organizations o on o.id = e.organization_id${completes ? MOVED_FROM : ''}
)`

/** The status of a request that was admitted: where a completed one is taken from. */
const VERIFIED = 200
const MOVED_FROM = `
  union all
  select e.organization_id, date_trunc('hour', e.requested_at, 'UTC'), usage_period_start(o.period_anchor, e.occurred_at),
    coalesce(e.key_id, '00000000-0000-0000-0000-000000000000'), e.environment, e.endpoint, ${VERIFIED},
    '', '', '', -1, null, 0, 0, 0, 0, 0, null, null, null, null
  from counted e left join organizations o on o.id = e.organization_id where e.moves`

/** What is not a sum: gauges, the keys' last use, and what became of each event. */
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
    when f.key is null then (
      select case when d.payload_hash = i.body_hash then 'duplicate' else 'conflict' end from usage_dedupe d
      where d.organization_id = i.organization_id and d.key = i.dedupe_key)
    when i.position = b.position then 'accepted'
    when i.body_hash = b.body_hash then 'duplicate'
    else 'conflict' end as outcome
  from incoming i join batch b on b.organization_id = i.organization_id and b.dedupe_key = i.dedupe_key
    left join fresh f on f.organization_id = i.organization_id and f.key = i.dedupe_key
)
select (select count(*) from incoming)::int as sent, (select count(*) from counted)::int as accepted,
  (select coalesce(jsonb_agg(jsonb_build_array(position - 1, outcome)), '[]') from judged
    where outcome is distinct from 'accepted') as others,
  (select coalesce(jsonb_agg(jsonb_build_object('organization_id', organization_id,
    'period_start', extract(epoch from period_start) * 1000, ${METERS.map((meter) => `'${meter}', ${meter}${COUNTERS[meter].isMoney ? '::text' : ''}`).join(', ')}, 'even_calls', even_calls, 'odd_calls', odd_calls)), '[]')
    from periods) as periods`

/**
 * The statement that writes a batch of events (`$1`, a JSON array); each event once, however often and in however many
 * batches it arrives.
 *
 * 1. `incoming` reads the batch; `batch` collapses repeats inside it, which the unique key would not see.
 * 2. `fresh` claims the ids. Sorted, because a repeat in flight elsewhere is waited for, and two batches that wait in
 *    opposite orders deadlock.
 * 3. Only fresh events are `counted` (those that complete a request move it, see above): stored, summed once into `deltas`, and those once more by each dimension into
 *    `slices`. Every roll-up takes its own from there.
 * 4. `judged` says of each event that was not counted whether it repeats what is known under its id, or contradicts it.
 *    Null where another batch has claimed the id since this statement began: it cannot see that one's hash.
 *
 * @param events the same as `$1`: columns that none of them adds to are left out
 */
export function writeStatement(events: readonly UsageEvent[]): string {
  const { counts, times, lanes } = sumEvents(events)
  const ofPeriod = { ...counts, ...lanes }
  const all = { ...counts, ...times }
  const names = Object.keys(all)
  return `${deduplicate(events.some(({ completes }) => completes !== undefined))}, deltas as materialized (
  ${groupRows(HOURLY, all, 'placed')}
), slices as materialized (
  ${groupRows(SLICES, sumColumns(names), `deltas, lateral (values ${SLICED.join(', ')}) as slice(dimension, value) where value <> '' or dimension = ''`)}
), hourly as (${addTo('usage_hourly', HOURLY, names, 'deltas')}
), totals as (${addTo('usage_totals', TOTALS, names, `slices where dimension = ''`)}
), hourly_slices as (${addTo('usage_slices', SLICES, names, `slices where dimension <> ''`)}
), daily_slices as (${addTo('usage_daily_slices', DAILY_SLICES, names, `(${groupRows(DAILY_SLICES, sumColumns(names), DAYS)}) as days`)}
), periods as (${addTo('usage_periods', PERIODS, Object.keys(ofPeriod), `(${groupRows(PERIODS, ofPeriod, 'placed')}) as periods`)}, updated_at = now()
  returning organization_id, period_start, even_calls, odd_calls, ${COUNTED}
), ${SIDE_EFFECTS}`
}

/** Of the whole row: also what this batch adds nothing to. */
const COUNTED = selectCounters('known', String)

const DAYS = `(select *, (hour at time zone 'UTC')::date as day from slices where dimension <> '') as dated`

/** Rows folded into one for each key. */
function groupRows(keys: readonly string[], sums: Readonly<Record<string, string>>, from: string): string {
  const made = Object.entries(sums).map(([name, sum]) => `${sum} as ${name}`)
  return `select ${[...keys, ...made].join(', ')} from ${from} group by ${keys.join(', ')}`
}

/** Sums of sums. */
const sumColumns = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, `sum(${name})`]))

/**
 * Adds rows, one for each key, to a roll-up. They go in sorted by their key: two batches that lock the same rows in
 * opposite orders deadlock.
 */
function addTo(table: string, keys: readonly string[], sums: readonly string[], rows: string): string {
  const [by, columns] = [keys.join(', '), [...keys, ...sums].join(', ')]
  return `
  insert into ${table} as known (${columns}) select ${columns} from ${rows} order by ${by}
  on conflict (${by}) do update set ${sums.map((name) => `${name} = known.${name} + excluded.${name}`).join(', ')}`
}

/** The same judgement, some moments later: of the events (`$1`) whose ids another batch had just claimed. */
export const RECHECK = `
select coalesce(jsonb_agg(jsonb_build_array(position - 1, case
  when d.payload_hash = coalesce(decode(body ->> 'payload_hash', 'hex'), sha256(convert_to(body::text, 'UTF8')))
  then 'duplicate' else 'conflict' end)), '[]') as others
from jsonb_array_elements($1::jsonb) with ordinality as item(body, position)
join usage_dedupe d on d.organization_id = (body ->> 'organization_id')::uuid
  and d.key = sha256(convert_to(coalesce((body ->> 'source') || ' ', '') || (body ->> 'id'), 'UTF8'))`
