ALTER TABLE "usage_completions" ADD COLUMN "is_error" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_completions" ADD COLUMN "report_id" text;--> statement-breakpoint
ALTER TABLE "usage_completions" ADD COLUMN "report_at" timestamp with time zone;--> statement-breakpoint
-- The error of a report that completes a request is the request's, and moves with it. The function with which the previous
-- release records usage stays; the one with which it completes requests does what the new one does, so that the errors of
-- reports that the new release wrote move too.
CREATE FUNCTION record_usage_3(jsonb) RETURNS TABLE (xid text, sent integer, accepted integer, others jsonb, periods jsonb, quantities jsonb, awaited boolean, charged boolean) LANGUAGE plpgsql AS $function$
#variable_conflict use_column
BEGIN RETURN QUERY 
with incoming as (
  select position, event.*, event.source is not distinct from 'verification' and event.request_id is null as is_own,
    sha256(convert_to(coalesce(event.source || ' ', '') || event.id, 'UTF8')) as dedupe_key,
    coalesce(decode(event.payload_hash, 'hex'), sha256(convert_to(body::text, 'UTF8'))) as body_hash
  from jsonb_array_elements($1::jsonb) with ordinality as item(body, position), jsonb_to_record(item.body) as event(
    source text, payload_hash text, lane smallint, completes uuid, request_id text, id text, organization_id uuid, occurred_at timestamptz, key_id uuid, user_id uuid, environment text, endpoint text, method text, status_code smallint, requests integer, ip text, user_agent text, error_code text, error_message text, metadata jsonb, subject text, response_time_ms integer, api_calls bigint, queries bigint, input_tokens bigint, output_tokens bigint, cached_tokens bigint, cost_usd numeric, cache_write_tokens bigint, audio_input_tokens bigint, audio_output_tokens bigint, price_per_call_usd numeric, provider text, model text, route text, trace json, quantities jsonb, concepts numeric, storage_gb numeric)
), batch as materialized (
  select distinct on (organization_id, dedupe_key) * from incoming order by organization_id, dedupe_key, position
), generations as materialized (
  select distinct usage_dedupe_generation(moment) as generation
  from (values (now()), (now() - interval '10 minutes')) as claimed(moment)
), claims as (
  insert into usage_dedupe (organization_id, key, payload_hash, occurred_at, generation)
  select id.*, g.generation from (select organization_id, dedupe_key, body_hash, occurred_at from batch where not is_own) as id(organization_id, key, payload_hash, occurred_at) cross join generations g
    left join lateral (select d.* from usage_dedupe d where d.organization_id = id.organization_id and d.key = id.key order by d.generation limit 1) as known on true
  where known.generation is null order by 1, 2, 5
  on conflict do nothing
  returning organization_id, key
), fresh as (
  select organization_id, key from claims group by 1, 2 having count(*) = (select count(*) from generations)
), candidates as materialized (
  select b.position, b.is_own, b.source, b.lane, b.id, b.organization_id, b.occurred_at, b.key_id, b.user_id, coalesce(b.environment, '') as environment, coalesce(b.endpoint, '') as endpoint, coalesce(b.method, '') as method, coalesce(b.status_code, 0) as status_code, coalesce(b.requests, 1) as requests, b.ip, b.user_agent, b.error_code, b.error_message, b.metadata, b.subject, b.response_time_ms, coalesce(b.api_calls, 0) as api_calls, coalesce(b.queries, 0) as queries, coalesce(b.input_tokens, 0) as input_tokens, coalesce(b.output_tokens, 0) as output_tokens, coalesce(b.cached_tokens, 0) as cached_tokens, round(b.cost_usd, 9) as cost_usd, coalesce(b.cache_write_tokens, 0) as cache_write_tokens, coalesce(b.audio_input_tokens, 0) as audio_input_tokens, coalesce(b.audio_output_tokens, 0) as audio_output_tokens, case when b.cost_usd is not null or (b.api_calls > 0 and case when b.source = 'verification' then b.price_per_call_usd else plan.price_per_call_usd end is not null)
      then coalesce(round(b.cost_usd * (100 + coalesce(plan.markup_percent, 0)) / 100, 9), 0) + coalesce(b.api_calls * case when b.source = 'verification' then b.price_per_call_usd else plan.price_per_call_usd end, 0) end as charge_usd, case when b.cost_usd is not null then coalesce(plan.markup_percent, 0) end as markup_percent, case when b.api_calls > 0 then case when b.source = 'verification' then b.price_per_call_usd else plan.price_per_call_usd end end as price_per_call_usd, coalesce(b.provider, '') as provider, coalesce(b.model, '') as model, coalesce(b.route, '') as route, case when b.completes is null then b.trace else json_build_object('completes', b.completes, 'fails_request', true) end as trace, b.quantities, b.concepts, b.storage_gb
  from batch b left join fresh f on f.organization_id = b.organization_id and f.key = b.dedupe_key left join organizations owner on owner.id = b.organization_id left join plans plan on plan.id = owner.plan_id
  where b.is_own or f.key is not null
), own as (
  insert into usage_events (id, organization_id, occurred_at, key_id, user_id, environment, endpoint, method, status_code, requests, ip, user_agent, error_code, error_message, metadata, subject, response_time_ms, api_calls, queries, input_tokens, output_tokens, cached_tokens, cost_usd, cache_write_tokens, audio_input_tokens, audio_output_tokens, charge_usd, markup_percent, price_per_call_usd, provider, model, route, trace, quantities)
  select id, organization_id, occurred_at, key_id, user_id, environment, endpoint, method, status_code, requests, ip, user_agent, error_code, error_message, metadata, subject, response_time_ms, api_calls, queries, input_tokens, output_tokens, cached_tokens, cost_usd, cache_write_tokens, audio_input_tokens, audio_output_tokens, charge_usd, markup_percent, price_per_call_usd, provider, model, route, trace, quantities from candidates where is_own order by organization_id, occurred_at, id
  on conflict do nothing
  returning organization_id, occurred_at, id
), counted as materialized (
  select c.* from candidates c left join own o on o.organization_id = c.organization_id and o.occurred_at = c.occurred_at and o.id = c.id
  where not c.is_own or o.id is not null
), reported as (
  insert into usage_events (id, organization_id, occurred_at, key_id, user_id, environment, endpoint, method, status_code, requests, ip, user_agent, error_code, error_message, metadata, subject, response_time_ms, api_calls, queries, input_tokens, output_tokens, cached_tokens, cost_usd, cache_write_tokens, audio_input_tokens, audio_output_tokens, charge_usd, markup_percent, price_per_call_usd, provider, model, route, trace, quantities)
  select id, organization_id, occurred_at, key_id, user_id, environment, endpoint, method, status_code, requests, ip, user_agent, error_code, error_message, metadata, subject, response_time_ms, api_calls, queries, input_tokens, output_tokens, cached_tokens, cost_usd, cache_write_tokens, audio_input_tokens, audio_output_tokens, charge_usd, markup_percent, price_per_call_usd, provider, model, route, trace, quantities from counted where not is_own order by organization_id, occurred_at, id
), placed as (
  select e.organization_id, date_trunc('hour', e.occurred_at, 'UTC') as hour,
    usage_period_start(o.period_anchor, e.occurred_at) as period_start,
    coalesce(e.key_id, '00000000-0000-0000-0000-000000000000') as key_id, e.environment, e.endpoint, e.status_code,
    e.requests, e.error_code, e.lane, e.provider, e.model, e.route, e.api_calls, e.queries, e.input_tokens, e.output_tokens, e.cached_tokens, e.charge_usd, e.cost_usd, e.price_per_call_usd, e.response_time_ms,
    width_bucket(e.response_time_ms - 1, '{1,2,5,10,20,35,50,75,100,150,200,300,500,750,1000,2000,5000,10000,30000}'::integer[]) as latency
  from counted e left join organizations o on o.id = e.organization_id
), deltas as materialized (
  select organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route, sum(requests) as requests, coalesce(sum(requests) filter (where status_code >= 400 or error_code is not null), 0) as errors, coalesce(sum(api_calls), 0) as api_calls, coalesce(sum(queries), 0) as queries, coalesce(sum(input_tokens), 0) as input_tokens, coalesce(sum(output_tokens), 0) as output_tokens, coalesce(sum(cached_tokens), 0) as cached_tokens, coalesce(sum(charge_usd), 0) as charge_usd, coalesce(sum(cost_usd), 0) as cost_usd, count(*) filter (where model <> '' and cost_usd is null) as unpriced, coalesce(sum(response_time_ms), 0) as response_time_ms_sum, count(response_time_ms) as response_time_count, count(*) filter (where latency = 0) as latency_0, count(*) filter (where latency = 1) as latency_1, count(*) filter (where latency = 2) as latency_2, count(*) filter (where latency = 3) as latency_3, count(*) filter (where latency = 4) as latency_4, count(*) filter (where latency = 5) as latency_5, count(*) filter (where latency = 6) as latency_6, count(*) filter (where latency = 7) as latency_7, count(*) filter (where latency = 8) as latency_8, count(*) filter (where latency = 9) as latency_9, count(*) filter (where latency = 10) as latency_10, count(*) filter (where latency = 11) as latency_11, count(*) filter (where latency = 12) as latency_12, count(*) filter (where latency = 13) as latency_13, count(*) filter (where latency = 14) as latency_14, count(*) filter (where latency = 15) as latency_15, count(*) filter (where latency = 16) as latency_16, count(*) filter (where latency = 17) as latency_17, count(*) filter (where latency = 18) as latency_18, count(*) filter (where latency = 19) as latency_19 from placed group by organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route
), slices as materialized (
  select organization_id, dimension, value, hour, sum(requests) as requests, sum(errors) as errors, sum(api_calls) as api_calls, sum(queries) as queries, sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens, sum(cached_tokens) as cached_tokens, sum(charge_usd) as charge_usd, sum(cost_usd) as cost_usd, sum(unpriced) as unpriced, sum(response_time_ms_sum) as response_time_ms_sum, sum(response_time_count) as response_time_count, sum(latency_0) as latency_0, sum(latency_1) as latency_1, sum(latency_2) as latency_2, sum(latency_3) as latency_3, sum(latency_4) as latency_4, sum(latency_5) as latency_5, sum(latency_6) as latency_6, sum(latency_7) as latency_7, sum(latency_8) as latency_8, sum(latency_9) as latency_9, sum(latency_10) as latency_10, sum(latency_11) as latency_11, sum(latency_12) as latency_12, sum(latency_13) as latency_13, sum(latency_14) as latency_14, sum(latency_15) as latency_15, sum(latency_16) as latency_16, sum(latency_17) as latency_17, sum(latency_18) as latency_18, sum(latency_19) as latency_19 from deltas, lateral (values ('', ''), ('endpoint', endpoint), ('key', coalesce(nullif(key_id::text, '00000000-0000-0000-0000-000000000000'), '')), ('model', model), ('provider', provider), ('route', route), ('status', coalesce(nullif(status_code, 0)::text, '')), ('environment', environment)) as slice(dimension, value) where value <> '' or dimension = '' group by organization_id, dimension, value, hour
), hourly as (
  insert into usage_hourly as known (organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, charge_usd, cost_usd, unpriced, response_time_ms_sum, response_time_count, latency_0, latency_1, latency_2, latency_3, latency_4, latency_5, latency_6, latency_7, latency_8, latency_9, latency_10, latency_11, latency_12, latency_13, latency_14, latency_15, latency_16, latency_17, latency_18, latency_19) select organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, charge_usd, cost_usd, unpriced, response_time_ms_sum, response_time_count, latency_0, latency_1, latency_2, latency_3, latency_4, latency_5, latency_6, latency_7, latency_8, latency_9, latency_10, latency_11, latency_12, latency_13, latency_14, latency_15, latency_16, latency_17, latency_18, latency_19 from deltas order by organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route
  on conflict (organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route) do update set requests = known.requests + excluded.requests, errors = known.errors + excluded.errors, api_calls = known.api_calls + excluded.api_calls, queries = known.queries + excluded.queries, input_tokens = known.input_tokens + excluded.input_tokens, output_tokens = known.output_tokens + excluded.output_tokens, cached_tokens = known.cached_tokens + excluded.cached_tokens, charge_usd = known.charge_usd + excluded.charge_usd, cost_usd = known.cost_usd + excluded.cost_usd, unpriced = known.unpriced + excluded.unpriced, response_time_ms_sum = known.response_time_ms_sum + excluded.response_time_ms_sum, response_time_count = known.response_time_count + excluded.response_time_count, latency_0 = known.latency_0 + excluded.latency_0, latency_1 = known.latency_1 + excluded.latency_1, latency_2 = known.latency_2 + excluded.latency_2, latency_3 = known.latency_3 + excluded.latency_3, latency_4 = known.latency_4 + excluded.latency_4, latency_5 = known.latency_5 + excluded.latency_5, latency_6 = known.latency_6 + excluded.latency_6, latency_7 = known.latency_7 + excluded.latency_7, latency_8 = known.latency_8 + excluded.latency_8, latency_9 = known.latency_9 + excluded.latency_9, latency_10 = known.latency_10 + excluded.latency_10, latency_11 = known.latency_11 + excluded.latency_11, latency_12 = known.latency_12 + excluded.latency_12, latency_13 = known.latency_13 + excluded.latency_13, latency_14 = known.latency_14 + excluded.latency_14, latency_15 = known.latency_15 + excluded.latency_15, latency_16 = known.latency_16 + excluded.latency_16, latency_17 = known.latency_17 + excluded.latency_17, latency_18 = known.latency_18 + excluded.latency_18, latency_19 = known.latency_19 + excluded.latency_19
), totals as (
  insert into usage_totals as known (organization_id, hour, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, charge_usd, cost_usd, unpriced, response_time_ms_sum, response_time_count, latency_0, latency_1, latency_2, latency_3, latency_4, latency_5, latency_6, latency_7, latency_8, latency_9, latency_10, latency_11, latency_12, latency_13, latency_14, latency_15, latency_16, latency_17, latency_18, latency_19) select organization_id, hour, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, charge_usd, cost_usd, unpriced, response_time_ms_sum, response_time_count, latency_0, latency_1, latency_2, latency_3, latency_4, latency_5, latency_6, latency_7, latency_8, latency_9, latency_10, latency_11, latency_12, latency_13, latency_14, latency_15, latency_16, latency_17, latency_18, latency_19 from slices where dimension = '' order by organization_id, hour
  on conflict (organization_id, hour) do update set requests = known.requests + excluded.requests, errors = known.errors + excluded.errors, api_calls = known.api_calls + excluded.api_calls, queries = known.queries + excluded.queries, input_tokens = known.input_tokens + excluded.input_tokens, output_tokens = known.output_tokens + excluded.output_tokens, cached_tokens = known.cached_tokens + excluded.cached_tokens, charge_usd = known.charge_usd + excluded.charge_usd, cost_usd = known.cost_usd + excluded.cost_usd, unpriced = known.unpriced + excluded.unpriced, response_time_ms_sum = known.response_time_ms_sum + excluded.response_time_ms_sum, response_time_count = known.response_time_count + excluded.response_time_count, latency_0 = known.latency_0 + excluded.latency_0, latency_1 = known.latency_1 + excluded.latency_1, latency_2 = known.latency_2 + excluded.latency_2, latency_3 = known.latency_3 + excluded.latency_3, latency_4 = known.latency_4 + excluded.latency_4, latency_5 = known.latency_5 + excluded.latency_5, latency_6 = known.latency_6 + excluded.latency_6, latency_7 = known.latency_7 + excluded.latency_7, latency_8 = known.latency_8 + excluded.latency_8, latency_9 = known.latency_9 + excluded.latency_9, latency_10 = known.latency_10 + excluded.latency_10, latency_11 = known.latency_11 + excluded.latency_11, latency_12 = known.latency_12 + excluded.latency_12, latency_13 = known.latency_13 + excluded.latency_13, latency_14 = known.latency_14 + excluded.latency_14, latency_15 = known.latency_15 + excluded.latency_15, latency_16 = known.latency_16 + excluded.latency_16, latency_17 = known.latency_17 + excluded.latency_17, latency_18 = known.latency_18 + excluded.latency_18, latency_19 = known.latency_19 + excluded.latency_19
), hourly_slices as (
  insert into usage_slices as known (organization_id, dimension, value, hour, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, charge_usd, cost_usd, unpriced, response_time_ms_sum, response_time_count, latency_0, latency_1, latency_2, latency_3, latency_4, latency_5, latency_6, latency_7, latency_8, latency_9, latency_10, latency_11, latency_12, latency_13, latency_14, latency_15, latency_16, latency_17, latency_18, latency_19) select organization_id, dimension, value, hour, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, charge_usd, cost_usd, unpriced, response_time_ms_sum, response_time_count, latency_0, latency_1, latency_2, latency_3, latency_4, latency_5, latency_6, latency_7, latency_8, latency_9, latency_10, latency_11, latency_12, latency_13, latency_14, latency_15, latency_16, latency_17, latency_18, latency_19 from slices where dimension <> '' order by organization_id, dimension, value, hour
  on conflict (organization_id, dimension, value, hour) do update set requests = known.requests + excluded.requests, errors = known.errors + excluded.errors, api_calls = known.api_calls + excluded.api_calls, queries = known.queries + excluded.queries, input_tokens = known.input_tokens + excluded.input_tokens, output_tokens = known.output_tokens + excluded.output_tokens, cached_tokens = known.cached_tokens + excluded.cached_tokens, charge_usd = known.charge_usd + excluded.charge_usd, cost_usd = known.cost_usd + excluded.cost_usd, unpriced = known.unpriced + excluded.unpriced, response_time_ms_sum = known.response_time_ms_sum + excluded.response_time_ms_sum, response_time_count = known.response_time_count + excluded.response_time_count, latency_0 = known.latency_0 + excluded.latency_0, latency_1 = known.latency_1 + excluded.latency_1, latency_2 = known.latency_2 + excluded.latency_2, latency_3 = known.latency_3 + excluded.latency_3, latency_4 = known.latency_4 + excluded.latency_4, latency_5 = known.latency_5 + excluded.latency_5, latency_6 = known.latency_6 + excluded.latency_6, latency_7 = known.latency_7 + excluded.latency_7, latency_8 = known.latency_8 + excluded.latency_8, latency_9 = known.latency_9 + excluded.latency_9, latency_10 = known.latency_10 + excluded.latency_10, latency_11 = known.latency_11 + excluded.latency_11, latency_12 = known.latency_12 + excluded.latency_12, latency_13 = known.latency_13 + excluded.latency_13, latency_14 = known.latency_14 + excluded.latency_14, latency_15 = known.latency_15 + excluded.latency_15, latency_16 = known.latency_16 + excluded.latency_16, latency_17 = known.latency_17 + excluded.latency_17, latency_18 = known.latency_18 + excluded.latency_18, latency_19 = known.latency_19 + excluded.latency_19
), daily_slices as (
  insert into usage_daily_slices as known (organization_id, dimension, day, value, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, charge_usd, cost_usd, unpriced, response_time_ms_sum, response_time_count, latency_0, latency_1, latency_2, latency_3, latency_4, latency_5, latency_6, latency_7, latency_8, latency_9, latency_10, latency_11, latency_12, latency_13, latency_14, latency_15, latency_16, latency_17, latency_18, latency_19) select organization_id, dimension, day, value, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, charge_usd, cost_usd, unpriced, response_time_ms_sum, response_time_count, latency_0, latency_1, latency_2, latency_3, latency_4, latency_5, latency_6, latency_7, latency_8, latency_9, latency_10, latency_11, latency_12, latency_13, latency_14, latency_15, latency_16, latency_17, latency_18, latency_19 from (select organization_id, dimension, day, value, sum(requests) as requests, sum(errors) as errors, sum(api_calls) as api_calls, sum(queries) as queries, sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens, sum(cached_tokens) as cached_tokens, sum(charge_usd) as charge_usd, sum(cost_usd) as cost_usd, sum(unpriced) as unpriced, sum(response_time_ms_sum) as response_time_ms_sum, sum(response_time_count) as response_time_count, sum(latency_0) as latency_0, sum(latency_1) as latency_1, sum(latency_2) as latency_2, sum(latency_3) as latency_3, sum(latency_4) as latency_4, sum(latency_5) as latency_5, sum(latency_6) as latency_6, sum(latency_7) as latency_7, sum(latency_8) as latency_8, sum(latency_9) as latency_9, sum(latency_10) as latency_10, sum(latency_11) as latency_11, sum(latency_12) as latency_12, sum(latency_13) as latency_13, sum(latency_14) as latency_14, sum(latency_15) as latency_15, sum(latency_16) as latency_16, sum(latency_17) as latency_17, sum(latency_18) as latency_18, sum(latency_19) as latency_19 from (select *, (hour at time zone 'UTC')::date as day from slices where dimension <> '') as dated group by organization_id, dimension, day, value) as days order by organization_id, dimension, day, value
  on conflict (organization_id, dimension, day, value) do update set requests = known.requests + excluded.requests, errors = known.errors + excluded.errors, api_calls = known.api_calls + excluded.api_calls, queries = known.queries + excluded.queries, input_tokens = known.input_tokens + excluded.input_tokens, output_tokens = known.output_tokens + excluded.output_tokens, cached_tokens = known.cached_tokens + excluded.cached_tokens, charge_usd = known.charge_usd + excluded.charge_usd, cost_usd = known.cost_usd + excluded.cost_usd, unpriced = known.unpriced + excluded.unpriced, response_time_ms_sum = known.response_time_ms_sum + excluded.response_time_ms_sum, response_time_count = known.response_time_count + excluded.response_time_count, latency_0 = known.latency_0 + excluded.latency_0, latency_1 = known.latency_1 + excluded.latency_1, latency_2 = known.latency_2 + excluded.latency_2, latency_3 = known.latency_3 + excluded.latency_3, latency_4 = known.latency_4 + excluded.latency_4, latency_5 = known.latency_5 + excluded.latency_5, latency_6 = known.latency_6 + excluded.latency_6, latency_7 = known.latency_7 + excluded.latency_7, latency_8 = known.latency_8 + excluded.latency_8, latency_9 = known.latency_9 + excluded.latency_9, latency_10 = known.latency_10 + excluded.latency_10, latency_11 = known.latency_11 + excluded.latency_11, latency_12 = known.latency_12 + excluded.latency_12, latency_13 = known.latency_13 + excluded.latency_13, latency_14 = known.latency_14 + excluded.latency_14, latency_15 = known.latency_15 + excluded.latency_15, latency_16 = known.latency_16 + excluded.latency_16, latency_17 = known.latency_17 + excluded.latency_17, latency_18 = known.latency_18 + excluded.latency_18, latency_19 = known.latency_19 + excluded.latency_19
), periods as (
  insert into usage_periods as known (organization_id, period_start, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, charge_usd, cost_usd, unpriced, even_calls, odd_calls, even_charges, odd_charges) select organization_id, period_start, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, charge_usd, cost_usd, unpriced, even_calls, odd_calls, even_charges, odd_charges from (select organization_id, period_start, sum(requests) as requests, coalesce(sum(requests) filter (where status_code >= 400 or error_code is not null), 0) as errors, coalesce(sum(api_calls), 0) as api_calls, coalesce(sum(queries), 0) as queries, coalesce(sum(input_tokens), 0) as input_tokens, coalesce(sum(output_tokens), 0) as output_tokens, coalesce(sum(cached_tokens), 0) as cached_tokens, coalesce(sum(charge_usd), 0) as charge_usd, coalesce(sum(cost_usd), 0) as cost_usd, count(*) filter (where model <> '' and cost_usd is null) as unpriced, coalesce(sum(api_calls) filter (where lane = 0), 0) as even_calls, coalesce(sum(api_calls) filter (where lane = 1), 0) as odd_calls, coalesce(sum(api_calls * price_per_call_usd) filter (where lane = 0), 0) as even_charges, coalesce(sum(api_calls * price_per_call_usd) filter (where lane = 1), 0) as odd_charges from placed group by organization_id, period_start) as periods order by organization_id, period_start
  on conflict (organization_id, period_start) do update set requests = known.requests + excluded.requests, errors = known.errors + excluded.errors, api_calls = known.api_calls + excluded.api_calls, queries = known.queries + excluded.queries, input_tokens = known.input_tokens + excluded.input_tokens, output_tokens = known.output_tokens + excluded.output_tokens, cached_tokens = known.cached_tokens + excluded.cached_tokens, charge_usd = known.charge_usd + excluded.charge_usd, cost_usd = known.cost_usd + excluded.cost_usd, unpriced = known.unpriced + excluded.unpriced, even_calls = known.even_calls + excluded.even_calls, odd_calls = known.odd_calls + excluded.odd_calls, even_charges = known.even_charges + excluded.even_charges, odd_charges = known.odd_charges + excluded.odd_charges, updated_at = now()
  returning organization_id, period_start, even_calls, odd_calls, even_charges, odd_charges, known.api_calls as api_calls, known.queries as queries, known.input_tokens + known.output_tokens as tokens, known.charge_usd as cost_usd
), verdicts as (
  insert into usage_verdicts as known (day, organization_id, code, requests) select day, organization_id, code, requests from (select (occurred_at at time zone 'UTC')::date as day, organization_id, coalesce(error_code, 'VALID') as code,
    sum(requests) as requests from counted where source = 'verification' group by 1, 2, 3) as decided order by day, organization_id, code
  on conflict (day, organization_id, code) do update set requests = known.requests + excluded.requests
), 
late as (
  insert into usage_late_hours (hour)
  select distinct hour from deltas where hour < date_trunc('hour', now() - interval '2 minutes', 'UTC')
), keys as (
  insert into api_key_usage as known (key_id, organization_id, total_requests, last_used_at)
  select key_id, organization_id, sum(requests), max(occurred_at) from counted where key_id is not null
  group by 1, 2 order by 1
  on conflict (key_id) do update set total_requests = known.total_requests + excluded.total_requests,
    last_used_at = greatest(known.last_used_at, excluded.last_used_at)
), completions as (
  insert into usage_completions (organization_id, request_id, status_code, provider, model, route, is_error, report_id, report_at)
  select distinct on (b.organization_id, b.completes) b.organization_id, b.completes::text, coalesce(b.status_code, 0),
    coalesce(b.provider, ''), coalesce(b.model, ''), coalesce(b.route, ''),
    coalesce(b.status_code, 0) >= 400 or b.error_code is not null, b.id, b.occurred_at
  from batch b join counted c on c.position = b.position
  where b.completes is not null order by b.organization_id, b.completes, b.position
  on conflict do nothing
), request_ids as (
  insert into usage_request_ids (organization_id, request_id, event_id)
  select distinct organization_id, request_id, id from incoming where request_id is not null order by 1, 2
  on conflict do nothing
), 
amounts as materialized (
  select c.*, m.slug as meter, m.kind, round(quantity.value::numeric, m.scale) as amount
  from counted c cross join lateral jsonb_each_text(c.quantities) as quantity(slug, value)
  join meters m on m.slug = quantity.slug and not m.is_builtin
), meter_periods as (
  insert into usage_meter_periods as known (organization_id, period_start, meter, amount, even_amount, odd_amount) select organization_id, period_start, meter, amount, even_amount, odd_amount from (select organization_id, period_start, meter, sum(amount) as amount, coalesce(sum(amount) filter (where lane = 0), 0) as even_amount, coalesce(sum(amount) filter (where lane = 1), 0) as odd_amount from (select a.*, usage_period_start(o.period_anchor, a.occurred_at) as period_start
  from amounts a left join organizations o on o.id = a.organization_id where a.kind = 'counter') as placed group by organization_id, period_start, meter) as sums order by organization_id, period_start, meter
  on conflict (organization_id, period_start, meter) do update set amount = known.amount + excluded.amount, even_amount = known.even_amount + excluded.even_amount, odd_amount = known.odd_amount + excluded.odd_amount
  returning *
), meter_hours as (
  insert into usage_meter_hourly as known (organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route, amount) select organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route, amount from (select organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route, sum(amount) as amount from (select organization_id, date_trunc('hour', occurred_at, 'UTC') as hour, meter,
  coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id, environment, endpoint, status_code, provider, model, route, amount
  from amounts where kind = 'counter') as placed group by organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route) as sums order by organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route
  on conflict (organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route) do update set amount = known.amount + excluded.amount
), meter_subject_days as (
  insert into usage_meter_subject_days as known (organization_id, day, subject, meter, amount) select organization_id, day, subject, meter, amount from (select organization_id, day, subject, meter, sum(amount) as amount from (select *, (occurred_at at time zone 'UTC')::date as day from (select * from amounts where kind = 'counter') as counters where subject is not null) as named group by organization_id, day, subject, meter) as sums order by organization_id, day, subject, meter
  on conflict (organization_id, day, subject, meter) do update set amount = known.amount + excluded.amount
), meter_readings as (
  insert into usage_gauges as known (organization_id, meter, value, observed_at)
  select distinct on (organization_id, meter) organization_id, meter, amount, occurred_at from amounts
  where kind = 'gauge' order by organization_id, meter, occurred_at desc, position desc
  on conflict (organization_id, meter) do update set value = excluded.value, observed_at = excluded.observed_at
    where known.observed_at <= excluded.observed_at
), subject_days as (
  insert into usage_subject_days as known (organization_id, day, subject, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, charge_usd, cost_usd, unpriced) select organization_id, day, subject, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, charge_usd, cost_usd, unpriced from (select organization_id, day, subject, sum(requests) as requests, coalesce(sum(requests) filter (where status_code >= 400 or error_code is not null), 0) as errors, coalesce(sum(api_calls), 0) as api_calls, coalesce(sum(queries), 0) as queries, coalesce(sum(input_tokens), 0) as input_tokens, coalesce(sum(output_tokens), 0) as output_tokens, coalesce(sum(cached_tokens), 0) as cached_tokens, coalesce(sum(charge_usd), 0) as charge_usd, coalesce(sum(cost_usd), 0) as cost_usd, count(*) filter (where model <> '' and cost_usd is null) as unpriced from (select *, (occurred_at at time zone 'UTC')::date as day from counted where subject is not null) as named group by organization_id, day, subject) as subjects order by organization_id, day, subject
  on conflict (organization_id, day, subject) do update set requests = known.requests + excluded.requests, errors = known.errors + excluded.errors, api_calls = known.api_calls + excluded.api_calls, queries = known.queries + excluded.queries, input_tokens = known.input_tokens + excluded.input_tokens, output_tokens = known.output_tokens + excluded.output_tokens, cached_tokens = known.cached_tokens + excluded.cached_tokens, charge_usd = known.charge_usd + excluded.charge_usd, cost_usd = known.cost_usd + excluded.cost_usd, unpriced = known.unpriced + excluded.unpriced
), gauges as (
  insert into usage_gauges as known (organization_id, meter, value, observed_at)
  select distinct on (organization_id, meter) organization_id, meter, value, occurred_at
  from counted, lateral (values ('concepts', concepts), ('storage_gb', storage_gb)) as gauge(meter, value)
  where value is not null order by organization_id, meter, occurred_at desc, position desc
  on conflict (organization_id, meter) do update set value = excluded.value, observed_at = excluded.observed_at
    where known.observed_at <= excluded.observed_at
), judged as (
  select i.position, case
    when c.position = i.position then 'accepted'
    when i.is_own then 'duplicate'
    when c.position is null then (
      select case when d.payload_hash = i.body_hash then 'duplicate' else 'conflict' end
      from (select d.* from usage_dedupe d where d.organization_id = i.organization_id and d.key = i.dedupe_key order by d.generation limit 1) as d)
    when i.body_hash = b.body_hash then 'duplicate'
    else 'conflict' end as outcome
  from incoming i join batch b on b.organization_id = i.organization_id and b.dedupe_key = i.dedupe_key
    left join counted c on c.position = b.position
)
select pg_current_xact_id()::text as xid, (select count(*) from incoming)::int as sent,
  (select count(*) from counted)::int as accepted,
  (select coalesce(jsonb_agg(jsonb_build_array(position - 1, outcome)), '[]') from judged
    where outcome is distinct from 'accepted') as others,
  (select coalesce(jsonb_agg(jsonb_build_object('organization_id', organization_id,
    'period_start', extract(epoch from period_start) * 1000, 'api_calls', api_calls, 'queries', queries, 'tokens', tokens, 'cost_usd', cost_usd::text, 'even_calls', even_calls, 'odd_calls', odd_calls,
    'even_charges', even_charges::text, 'odd_charges', odd_charges::text)), '[]') from periods) as periods,
  (select coalesce(jsonb_agg(jsonb_build_object('organization_id', p.organization_id, 'period_start', extract(epoch from p.period_start) * 1000,
    'meter', p.meter, 'used', jsonb_build_array(trunc(coalesce(p.amount, 0) * power(10::numeric, m.scale)), trunc(coalesce(p.even_amount, 0) * power(10::numeric, m.scale)), trunc(coalesce(p.odd_amount, 0) * power(10::numeric, m.scale))))), '[]') from meter_periods p join meters m on m.slug = p.meter) as quantities, exists (select 1 from incoming i join usage_completions c
    on c.organization_id = i.organization_id and c.request_id = coalesce(i.request_id, i.id) where i.source = 'verification') as awaited,
  exists (select 1 from counted where price_per_call_usd > 0) as charged;
END $function$;--> statement-breakpoint
CREATE FUNCTION complete_requests_2(jsonb) RETURNS TABLE (completed integer, waiting integer) LANGUAGE plpgsql AS $function$
#variable_conflict use_column
BEGIN RETURN QUERY 
with waiting as materialized (
  select c.*, coalesce(r.event_id, c.request_id) as event_id, r.event_id is null as is_own from (select c.* from usage_completions c
  join jsonb_to_recordset($1::jsonb) as named(organization_id uuid, request_id text)
  on named.organization_id = c.organization_id and named.request_id = c.request_id) as c
  left join usage_request_ids r on r.organization_id = c.organization_id and r.request_id = c.request_id
), located as materialized (
  select w.*, coalesce(case when w.is_own then coalesce((select e.occurred_at from usage_events e
    where e.organization_id = w.organization_id and e.id = w.event_id and date_trunc('milliseconds', e.occurred_at) = e.occurred_at
      and e.occurred_at between (timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond') - interval '0' and (timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond') + interval '0' limit 1), (select e.occurred_at from usage_events e
    where e.organization_id = w.organization_id and e.id = w.event_id and date_trunc('milliseconds', e.occurred_at) = e.occurred_at
      and e.occurred_at between (timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond') - interval '0' and (timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond') + interval '250 milliseconds' limit 1), (select e.occurred_at from usage_events e
    where e.organization_id = w.organization_id and e.id = w.event_id and date_trunc('milliseconds', e.occurred_at) = e.occurred_at
      and e.occurred_at between (timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond') - interval '2 seconds' and (timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond') + interval '30 seconds' limit 1)) end, (select d.occurred_at from (
    select d.* from usage_dedupe d where d.organization_id = w.organization_id and d.key = sha256(convert_to('verification ' || w.event_id, 'UTF8')) order by d.generation limit 1) as d)) as happened_at
  from waiting w
), found as materialized (
  select e.*, w.request_id, w.created_at, coalesce(nullif(w.status_code, 0), e.status_code) as to_status_code,
    coalesce(nullif(w.provider, ''), e.provider) as to_provider, coalesce(nullif(w.model, ''), e.model) as to_model,
    coalesce(nullif(w.route, ''), e.route) as to_route,
    w.is_error or (w.status_code = 0 and e.status_code >= 400) as fails
  from located w
  join usage_events e on e.organization_id = w.organization_id and e.occurred_at = w.happened_at and e.id = w.event_id
), generations as materialized (
  select distinct usage_dedupe_generation(moment) as generation
  from (values (now()), (now() - interval '10 minutes')) as claimed(moment)
), claims as (
  insert into usage_dedupe (organization_id, key, payload_hash, occurred_at, generation)
  select id.*, g.generation from (select distinct organization_id, sha256(convert_to('completed ' || id, 'UTF8')), sha256(''), null::timestamptz
    from found where error_code is null) as id(organization_id, key, payload_hash, occurred_at) cross join generations g
    left join lateral (select d.* from usage_dedupe d where d.organization_id = id.organization_id and d.key = id.key order by d.generation limit 1) as known on true
  where known.generation is null order by 1, 2, 5
  on conflict do nothing
  returning organization_id, key
), claimed as (
  select organization_id, key from claims group by 1, 2 having count(*) = (select count(*) from generations)
), moved as materialized (
  select distinct on (f.organization_id, f.id) f.* from found f
  join claimed c on c.organization_id = f.organization_id and c.key = sha256(convert_to('completed ' || f.id, 'UTF8'))
  order by f.organization_id, f.id, f.created_at, f.request_id
), events as (
  update usage_events e set status_code = m.to_status_code, provider = m.to_provider, model = m.to_model, route = m.to_route
  from moved m where e.organization_id = m.organization_id and e.occurred_at = m.occurred_at and e.id = m.id
), done as (
  delete from usage_completions c using found f where c.organization_id = f.organization_id and c.request_id = f.request_id
), deltas as materialized (
  select * from (select organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route, sum(requests) as requests, sum(api_calls) as api_calls, sum(charge_usd) as charge_usd, sum(errors) as errors from (select organization_id, date_trunc('hour', occurred_at, 'UTC') as hour, coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id,
    environment, endpoint, status_code, provider, model, route, -coalesce(requests, 0) as requests, -coalesce(api_calls, 0) as api_calls, -coalesce(charge_usd, 0) as charge_usd, -case when status_code >= 400 then requests else 0 end as errors from moved union all select organization_id, date_trunc('hour', occurred_at, 'UTC') as hour, coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id,
    environment, endpoint, to_status_code as status_code, to_provider as provider, to_model as model, to_route as route, coalesce(requests, 0) as requests, coalesce(api_calls, 0) as api_calls, coalesce(charge_usd, 0) as charge_usd, case when fails then requests else 0 end as errors from moved) as placed group by organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route) as summed where requests <> 0 or api_calls <> 0 or charge_usd <> 0 or errors <> 0
), 
late as (
  insert into usage_late_hours (hour)
  select distinct hour from deltas where hour < date_trunc('hour', now() - interval '2 minutes', 'UTC')
), slices as materialized (
  select * from (select organization_id, dimension, value, hour, sum(requests) as requests, sum(api_calls) as api_calls, sum(charge_usd) as charge_usd, sum(errors) as errors from deltas, lateral (values ('endpoint', endpoint), ('key', coalesce(nullif(key_id::text, '00000000-0000-0000-0000-000000000000'), '')), ('model', model), ('provider', provider), ('route', route), ('status', coalesce(nullif(status_code, 0)::text, '')), ('environment', environment)) as slice(dimension, value) where value <> '' group by organization_id, dimension, value, hour) as summed where requests <> 0 or api_calls <> 0 or charge_usd <> 0 or errors <> 0
), hourly as (
  insert into usage_hourly as known (organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route, requests, api_calls, charge_usd, errors) select organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route, requests, api_calls, charge_usd, errors from deltas order by organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route
  on conflict (organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route) do update set requests = known.requests + excluded.requests, api_calls = known.api_calls + excluded.api_calls, charge_usd = known.charge_usd + excluded.charge_usd, errors = known.errors + excluded.errors
), totals as (
  insert into usage_totals as known (organization_id, hour, errors) select organization_id, hour, errors from (select * from (select organization_id, hour, sum(errors) as errors from deltas group by organization_id, hour) as summed where errors <> 0) as errors order by organization_id, hour
  on conflict (organization_id, hour) do update set errors = known.errors + excluded.errors
), hourly_slices as (
  insert into usage_slices as known (organization_id, dimension, value, hour, requests, api_calls, charge_usd, errors) select organization_id, dimension, value, hour, requests, api_calls, charge_usd, errors from slices order by organization_id, dimension, value, hour
  on conflict (organization_id, dimension, value, hour) do update set requests = known.requests + excluded.requests, api_calls = known.api_calls + excluded.api_calls, charge_usd = known.charge_usd + excluded.charge_usd, errors = known.errors + excluded.errors
), daily_slices as (
  insert into usage_daily_slices as known (organization_id, dimension, day, value, requests, api_calls, charge_usd, errors) select organization_id, dimension, day, value, requests, api_calls, charge_usd, errors from (select organization_id, dimension, day, value, sum(requests) as requests, sum(api_calls) as api_calls, sum(charge_usd) as charge_usd, sum(errors) as errors from (select *, (hour at time zone 'UTC')::date as day from slices) as dated group by organization_id, dimension, day, value) as days order by organization_id, dimension, day, value
  on conflict (organization_id, dimension, day, value) do update set requests = known.requests + excluded.requests, api_calls = known.api_calls + excluded.api_calls, charge_usd = known.charge_usd + excluded.charge_usd, errors = known.errors + excluded.errors
), meter_hours as (
  insert into usage_meter_hourly as known (organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route, amount) select organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route, amount from (select organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route, sum(amount) as amount from (select moved.organization_id, date_trunc('hour', occurred_at, 'UTC') as hour, m.slug as meter, coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id,
    environment, endpoint, status_code, provider, model, route, -round(quantity.value::numeric, m.scale) as amount
  from moved cross join lateral jsonb_each_text(moved.quantities) as quantity(slug, value) join meters m on m.slug = quantity.slug and m.kind = 'counter' union all select moved.organization_id, date_trunc('hour', occurred_at, 'UTC') as hour, m.slug as meter, coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id,
    environment, endpoint, to_status_code as status_code, to_provider as provider, to_model as model, to_route as route, round(quantity.value::numeric, m.scale) as amount
  from moved cross join lateral jsonb_each_text(moved.quantities) as quantity(slug, value) join meters m on m.slug = quantity.slug and m.kind = 'counter') as placed group by organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route) as sums order by organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route
  on conflict (organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route) do update set amount = known.amount + excluded.amount
), subject_days as (
  insert into usage_subject_days as known (organization_id, day, subject, errors) select organization_id, day, subject, errors from (select * from (select organization_id, day, subject, sum(errors) as errors from (select *, (occurred_at at time zone 'UTC')::date as day from (select m.*, case when fails then requests else 0 end - case when status_code >= 400 then requests else 0 end as errors, usage_period_start(o.period_anchor, m.occurred_at) as period_start
  from moved m left join organizations o on o.id = m.organization_id) as changed where subject is not null) as named group by organization_id, day, subject) as summed where errors <> 0) as errors order by organization_id, day, subject
  on conflict (organization_id, day, subject) do update set errors = known.errors + excluded.errors
), periods as (
  insert into usage_periods as known (organization_id, period_start, errors) select organization_id, period_start, errors from (select * from (select organization_id, period_start, sum(errors) as errors from (select m.*, case when fails then requests else 0 end - case when status_code >= 400 then requests else 0 end as errors, usage_period_start(o.period_anchor, m.occurred_at) as period_start
  from moved m left join organizations o on o.id = m.organization_id) as changed group by organization_id, period_start) as summed where errors <> 0) as errors order by organization_id, period_start
  on conflict (organization_id, period_start) do update set errors = known.errors + excluded.errors
)
select (select count(*) from moved)::int as completed, (select count(*) from waiting)::int - (select count(*) from found)::int as waiting;
END $function$;--> statement-breakpoint
CREATE OR REPLACE FUNCTION complete_requests_1(jsonb) RETURNS TABLE (completed integer, waiting integer) LANGUAGE plpgsql AS $function$
BEGIN RETURN QUERY select * from complete_requests_2($1);
END $function$;
