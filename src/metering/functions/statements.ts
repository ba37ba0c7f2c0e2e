/**
 * The two statements that write a batch of events (`$1`, a JSON array). Each event counts once, however often and in
 * however many batches it arrives. The database has both as functions (definitions.ts), which cache their plans.
 *
 * 1. `incoming` reads the batch; `batch` collapses repeats inside it, which the unique key would not see.
 * 2. `fresh` claims the ids (claim-ids.ts). A verification's own id needs no claim: `own` stores those that are not stored
 *    yet. Both are sorted, because the statement waits for a repeat in flight elsewhere, and two batches that wait in
 *    opposite orders deadlock.
 * 3. Only fresh events are `counted`: stored, summed once into `deltas`, and those once more by each dimension into
 *    `slices`. Every roll-up is updated from these.
 * 4. `judged` says for each event that was not counted whether it repeats the known event of its id, or contradicts
 *    it. Null if another batch claimed the id since this statement began, because its hash is not visible yet.
 * 5. Reports that complete a verified request are kept until that request is moved (complete.ts).
 */
import { GAUGES } from '../../db/schema/meters.ts'
import { LATENCY_BOUNDS_MS } from '../../db/schema/shapes.ts'
import { claimIds, selectId } from '../claim-ids.ts'
import { VERIFICATION } from '../event.ts'
import { addTo, groupRows, ofSubjects, SLICED, SUBJECT_DAYS } from '../roll-up-sql.ts'
import { GAUGES_READ, insertEvents, listKept, listTypes, OF_USAGE, OF_VERIFICATIONS, PLAN_OF_OWNER } from './columns.ts'
import { COUNT_QUANTITIES, QUANTITIES_USED } from './quantities.ts'
import { addToRollUps, isAwaited, RESULT } from './roll-ups.ts'
import { SUMS_OF_USAGE, SUMS_OF_VERIFICATIONS } from './sums.ts'

/** Stores candidates that are not stored yet. `counted` is derived from it. */
const storeOwn = (columns: Parameters<typeof insertEvents>[0], from: string) => `own as (${insertEvents(columns, from)}
  on conflict do nothing
  returning organization_id, occurred_at, id
)`
const IS_STORED = 'o.organization_id = c.organization_id and o.occurred_at = c.occurred_at and o.id = c.id'

/** Events with their hour and period. Rows of roll-ups have a value in each of their key columns. */
const place = (columns: string) => `placed as (
  select e.organization_id, date_trunc('hour', e.occurred_at, 'UTC') as hour,
    usage_period_start(o.period_anchor, e.occurred_at) as period_start,
    coalesce(e.key_id, '00000000-0000-0000-0000-000000000000') as key_id, e.environment, e.endpoint, e.status_code,
    e.requests, e.error_code, e.lane, ${columns}
  from counted e left join organizations o on o.id = e.organization_id
)`

/** Dimensions that a verification can have a value of. */
const OF_VERIFIED = SLICED.filter((one) => !/'(?:model|provider|route)'/.test(one))

/** Writes verifications under their own ids that consume only calls: most batches contain nothing else. */
export const RECORD_VERIFICATIONS = `
with incoming as (
  select position, event.*
  from jsonb_array_elements($1::jsonb) with ordinality as item(body, position), jsonb_to_record(item.body) as event(
    source text, lane smallint, ${listTypes(OF_VERIFICATIONS)})
), candidates as materialized (
  select distinct on (b.organization_id, b.id) b.position, b.source, b.lane, ${listKept(OF_VERIFICATIONS)}
  from incoming b order by b.organization_id, b.id, b.position
), ${storeOwn(OF_VERIFICATIONS, 'candidates')}, counted as materialized (
  select c.* from candidates c join own o on ${IS_STORED}
), ${place(`e.api_calls, '' as provider, '' as model, '' as route`)}, ${addToRollUps(SUMS_OF_VERIFICATIONS, OF_VERIFIED)}, judged as (
  select i.position, case when c.position is null then 'duplicate' else 'accepted' end as outcome
  from incoming i left join counted c on c.position = i.position
)
select ${RESULT},
  '[]'::jsonb as quantities, ${isAwaited('i.id')}, false as charged`

const CLAIMED = 'select organization_id, dedupe_key, body_hash, occurred_at from batch where not is_own'

/** Readings of gauges: the newest is the organization's. */
const READINGS = `gauges as (
  insert into usage_gauges as known (organization_id, meter, value, observed_at)
  select distinct on (organization_id, meter) organization_id, meter, value, occurred_at
  from counted, lateral (values ${GAUGES.map((gauge) => `('${gauge}', ${gauge})`).join(', ')}) as gauge(meter, value)
  where value is not null order by organization_id, meter, occurred_at desc, position desc
  on conflict (organization_id, meter) do update set value = excluded.value, observed_at = excluded.observed_at
    where known.observed_at <= excluded.observed_at
)`

/** Stores reports until the requests that they complete are moved (complete.ts): the first report of each request. */
const COMPLETIONS = `completions as (
  insert into usage_completions (organization_id, request_id, status_code, provider, model, route, is_error, report_id, report_at)
  select distinct on (b.organization_id, b.completes) b.organization_id, b.completes::text, coalesce(b.status_code, 0),
    coalesce(b.provider, ''), coalesce(b.model, ''), coalesce(b.route, ''),
    coalesce(b.status_code, 0) >= 400 or b.error_code is not null, b.id, b.occurred_at
  from batch b join counted c on c.position = b.position
  where b.completes is not null order by b.organization_id, b.completes, b.position
  on conflict do nothing
)`

/** The id under which a request's verification is stored, if it is not the request's own. Includes repeats. */
const REQUEST_IDS = `request_ids as (
  insert into usage_request_ids (organization_id, request_id, event_id)
  select distinct organization_id, request_id, id from incoming where request_id is not null order by 1, 2
  on conflict do nothing
)`

/** The usage of each subject, by day. */
const SUBJECTS = `subject_days as (${addTo('usage_subject_days', SUBJECT_DAYS, Object.keys(SUMS_OF_USAGE.counts), `(${groupRows(SUBJECT_DAYS, SUMS_OF_USAGE.counts, ofSubjects('counted'))}) as subjects`)}
)`

const PLACED = Object.keys(SUMS_OF_USAGE.counts).filter((name) => !['requests', 'errors', 'unpriced'].includes(name))

/** Writes events of any kind. */
export const RECORD_USAGE = `
with incoming as (
  select position, event.*, event.source is not distinct from '${VERIFICATION}' and event.request_id is null as is_own,
    sha256(convert_to(coalesce(event.source || ' ', '') || event.id, 'UTF8')) as dedupe_key,
    coalesce(decode(event.payload_hash, 'hex'), sha256(convert_to(body::text, 'UTF8'))) as body_hash
  from jsonb_array_elements($1::jsonb) with ordinality as item(body, position), jsonb_to_record(item.body) as event(
    source text, payload_hash text, lane smallint, completes uuid, request_id text, ${listTypes([...OF_USAGE, ...GAUGES_READ])})
), batch as materialized (
  select distinct on (organization_id, dedupe_key) * from incoming order by organization_id, dedupe_key, position
), ${claimIds('fresh', CLAIMED)}, candidates as materialized (
  select b.position, b.is_own, b.source, b.lane, ${listKept([...OF_USAGE, ...GAUGES_READ])}
  from batch b left join fresh f on f.organization_id = b.organization_id and f.key = b.dedupe_key ${PLAN_OF_OWNER}
  where b.is_own or f.key is not null
), ${storeOwn(OF_USAGE, 'candidates where is_own')}, counted as materialized (
  select c.* from candidates c left join own o on ${IS_STORED}
  where not c.is_own or o.id is not null
), reported as (${insertEvents(OF_USAGE, 'counted where not is_own')}
), ${place(`e.provider, e.model, e.route, ${PLACED.map((name) => `e.${name}`).join(', ')}, e.price_per_call_usd, e.response_time_ms,
    width_bucket(e.response_time_ms - 1, '{${LATENCY_BOUNDS_MS.join(',')}}'::integer[]) as latency`)}, ${addToRollUps(SUMS_OF_USAGE, SLICED)}, ${COMPLETIONS}, ${REQUEST_IDS}, ${COUNT_QUANTITIES}${SUBJECTS}, ${READINGS}, judged as (
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
select ${RESULT}${QUANTITIES_USED}, ${isAwaited('coalesce(i.request_id, i.id)')},
  exists (select 1 from counted where price_per_call_usd > 0) as charged`
