import { problemIn, sqlState } from '../db/client.ts'
import type { Deps } from '../deps.ts'
import type { UsageEvent } from './event.ts'

/**
 * Writes a batch in one statement; each event once, however often and in however many batches it arrives.
 *
 * 1. `incoming` reads the batch; `distinct` collapses repeats inside it, which the unique key would not see.
 * 2. `fresh` claims the ids. Sorted, because a repeat in flight elsewhere is waited for, and two batches that wait in
 *    opposite orders deadlock.
 * 3. Only fresh events are stored, and only they are folded into the hourly sums and the keys' totals; both sorted, for
 *    the same reason.
 */
const WRITE = `
with incoming as (
  select body, sha256(convert_to(event.id, 'UTF8')) as dedupe_key, event.*
  from jsonb_array_elements($1::jsonb) as item(body), jsonb_to_record(item.body) as event(
    id text, organization_id uuid, occurred_at timestamptz, key_id uuid, user_id uuid, environment text, endpoint text,
    method text, status_code smallint, response_time_ms integer, requests integer, api_calls bigint, queries bigint, input_tokens bigint,
    output_tokens bigint, cached_tokens bigint, provider text, model text, cost_usd numeric, route text, ip text,
    user_agent text, error_code text, error_message text, metadata jsonb)
), batch as materialized (
  select distinct on (organization_id, dedupe_key) * from incoming order by organization_id, dedupe_key
), fresh as (
  insert into usage_dedupe (organization_id, key, payload_hash)
  select organization_id, dedupe_key, sha256(convert_to(body::text, 'UTF8')) from batch
  order by organization_id, dedupe_key
  on conflict do nothing
  returning organization_id, key
), stored as (
  insert into usage_events (id, organization_id, occurred_at, key_id, user_id, environment, endpoint, method, status_code,
    response_time_ms, requests, api_calls, queries, input_tokens, output_tokens, cached_tokens, provider, model, cost_usd, route, ip,
    user_agent, error_code, error_message, metadata)
  select b.id, b.organization_id, b.occurred_at, b.key_id, b.user_id, coalesce(b.environment, ''), coalesce(b.endpoint, ''),
    coalesce(b.method, ''), coalesce(b.status_code, 0), b.response_time_ms, coalesce(b.requests, 1), coalesce(b.api_calls, 0), coalesce(b.queries, 0),
    coalesce(b.input_tokens, 0), coalesce(b.output_tokens, 0), coalesce(b.cached_tokens, 0), coalesce(b.provider, ''),
    coalesce(b.model, ''), b.cost_usd, coalesce(b.route, ''), b.ip, b.user_agent, b.error_code, b.error_message, b.metadata
  from batch b join fresh f on f.organization_id = b.organization_id and f.key = b.dedupe_key
  returning *
), hourly as (
  insert into usage_hourly as sums (organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route,
    requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced,
    response_time_ms_sum, response_time_count)
  select organization_id, date_trunc('hour', occurred_at, 'UTC'), coalesce(key_id, '00000000-0000-0000-0000-000000000000'),
    environment, endpoint, status_code, provider, model, route,
    sum(requests), coalesce(sum(requests) filter (where status_code >= 400 or error_code is not null), 0), sum(api_calls), sum(queries),
    sum(input_tokens), sum(output_tokens), sum(cached_tokens), coalesce(sum(cost_usd), 0),
    count(*) filter (where model <> '' and cost_usd is null), coalesce(sum(response_time_ms), 0), count(response_time_ms)
  from stored group by 1, 2, 3, 4, 5, 6, 7, 8, 9 order by 1, 2, 3, 4, 5, 6, 7, 8, 9
  on conflict (organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route) do update set
    requests = sums.requests + excluded.requests, errors = sums.errors + excluded.errors,
    api_calls = sums.api_calls + excluded.api_calls, queries = sums.queries + excluded.queries,
    input_tokens = sums.input_tokens + excluded.input_tokens, output_tokens = sums.output_tokens + excluded.output_tokens,
    cached_tokens = sums.cached_tokens + excluded.cached_tokens, cost_usd = sums.cost_usd + excluded.cost_usd,
    unpriced = sums.unpriced + excluded.unpriced,
    response_time_ms_sum = sums.response_time_ms_sum + excluded.response_time_ms_sum,
    response_time_count = sums.response_time_count + excluded.response_time_count
), keys as (
  insert into api_key_usage as totals (key_id, organization_id, total_requests, last_used_at)
  select key_id, organization_id, sum(requests), max(occurred_at) from stored where key_id is not null
  group by 1, 2 order by 1
  on conflict (key_id) do update set total_requests = totals.total_requests + excluded.total_requests,
    last_used_at = greatest(totals.last_used_at, excluded.last_used_at)
)
select (select count(*) from incoming)::int as sent, (select count(*) from fresh)::int as accepted`

/** Deadlock and serialization failure: the statement did nothing and may simply be tried again. */
const RETRYABLE = new Set(['40P01', '40001'])
const TRIES = 3

export interface Written {
  readonly sent: number
  /** Events that had not been counted before. */
  readonly accepted: number
}

/**
 * Writes events exactly once; writing the same ones again changes nothing.
 *
 * @throws Problem `unavailable` when the database does not answer: whether it wrote is then unknown, and irrelevant
 */
export async function writeUsage(deps: Deps, events: readonly UsageEvent[]): Promise<Written> {
  for (let attempt = 1; ; attempt++) {
    try {
      const [written] = (await deps.sql.query(WRITE, [JSON.stringify(events)])) as Written[]
      return written as Written
    } catch (error) {
      if (attempt === TRIES || !RETRYABLE.has(sqlState(error) ?? '')) throw problemIn(error) ?? error
    }
  }
}
