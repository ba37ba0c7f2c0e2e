CREATE TABLE "usage_daily_slices" (
	"organization_id" uuid NOT NULL,
	"dimension" text NOT NULL,
	"value" text NOT NULL,
	"day" date NOT NULL,
	"requests" bigint DEFAULT 0 NOT NULL,
	"errors" bigint DEFAULT 0 NOT NULL,
	"api_calls" bigint DEFAULT 0 NOT NULL,
	"queries" bigint DEFAULT 0 NOT NULL,
	"input_tokens" bigint DEFAULT 0 NOT NULL,
	"output_tokens" bigint DEFAULT 0 NOT NULL,
	"cached_tokens" bigint DEFAULT 0 NOT NULL,
	"cost_usd" numeric(20, 6) DEFAULT '0' NOT NULL,
	"unpriced" bigint DEFAULT 0 NOT NULL,
	"response_time_ms_sum" bigint DEFAULT 0 NOT NULL,
	"response_time_count" bigint DEFAULT 0 NOT NULL,
	"latency_0" integer DEFAULT 0 NOT NULL,
	"latency_1" integer DEFAULT 0 NOT NULL,
	"latency_2" integer DEFAULT 0 NOT NULL,
	"latency_3" integer DEFAULT 0 NOT NULL,
	"latency_4" integer DEFAULT 0 NOT NULL,
	"latency_5" integer DEFAULT 0 NOT NULL,
	"latency_6" integer DEFAULT 0 NOT NULL,
	"latency_7" integer DEFAULT 0 NOT NULL,
	"latency_8" integer DEFAULT 0 NOT NULL,
	"latency_9" integer DEFAULT 0 NOT NULL,
	"latency_10" integer DEFAULT 0 NOT NULL,
	"latency_11" integer DEFAULT 0 NOT NULL,
	"latency_12" integer DEFAULT 0 NOT NULL,
	"latency_13" integer DEFAULT 0 NOT NULL,
	"latency_14" integer DEFAULT 0 NOT NULL,
	"latency_15" integer DEFAULT 0 NOT NULL,
	"latency_16" integer DEFAULT 0 NOT NULL,
	"latency_17" integer DEFAULT 0 NOT NULL,
	"latency_18" integer DEFAULT 0 NOT NULL,
	"latency_19" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "usage_daily_slices_organization_id_dimension_day_value_pk" PRIMARY KEY("organization_id","dimension","day","value")
);
--> statement-breakpoint
CREATE TABLE "usage_slices" (
	"organization_id" uuid NOT NULL,
	"dimension" text NOT NULL,
	"value" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"requests" bigint DEFAULT 0 NOT NULL,
	"errors" bigint DEFAULT 0 NOT NULL,
	"api_calls" bigint DEFAULT 0 NOT NULL,
	"queries" bigint DEFAULT 0 NOT NULL,
	"input_tokens" bigint DEFAULT 0 NOT NULL,
	"output_tokens" bigint DEFAULT 0 NOT NULL,
	"cached_tokens" bigint DEFAULT 0 NOT NULL,
	"cost_usd" numeric(20, 6) DEFAULT '0' NOT NULL,
	"unpriced" bigint DEFAULT 0 NOT NULL,
	"response_time_ms_sum" bigint DEFAULT 0 NOT NULL,
	"response_time_count" bigint DEFAULT 0 NOT NULL,
	"latency_0" integer DEFAULT 0 NOT NULL,
	"latency_1" integer DEFAULT 0 NOT NULL,
	"latency_2" integer DEFAULT 0 NOT NULL,
	"latency_3" integer DEFAULT 0 NOT NULL,
	"latency_4" integer DEFAULT 0 NOT NULL,
	"latency_5" integer DEFAULT 0 NOT NULL,
	"latency_6" integer DEFAULT 0 NOT NULL,
	"latency_7" integer DEFAULT 0 NOT NULL,
	"latency_8" integer DEFAULT 0 NOT NULL,
	"latency_9" integer DEFAULT 0 NOT NULL,
	"latency_10" integer DEFAULT 0 NOT NULL,
	"latency_11" integer DEFAULT 0 NOT NULL,
	"latency_12" integer DEFAULT 0 NOT NULL,
	"latency_13" integer DEFAULT 0 NOT NULL,
	"latency_14" integer DEFAULT 0 NOT NULL,
	"latency_15" integer DEFAULT 0 NOT NULL,
	"latency_16" integer DEFAULT 0 NOT NULL,
	"latency_17" integer DEFAULT 0 NOT NULL,
	"latency_18" integer DEFAULT 0 NOT NULL,
	"latency_19" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "usage_slices_organization_id_dimension_value_hour_pk" PRIMARY KEY("organization_id","dimension","value","hour")
);
--> statement-breakpoint
DROP VIEW "public"."monthly_usage";--> statement-breakpoint
CREATE VIEW "public"."monthly_usage" AS (select organization_id, date_trunc('month', hour, 'UTC') as month,
    sum(requests)::bigint as requests, sum(errors)::bigint as errors,
    sum(api_calls)::bigint as api_calls, sum(queries)::bigint as queries,
    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
    sum(cached_tokens)::bigint as cached_tokens, sum(input_tokens + output_tokens)::bigint as tokens,
    sum(cost_usd) as cost_usd, sum(unpriced)::bigint as unpriced
    from usage_totals group by organization_id, date_trunc('month', hour, 'UTC'));
--> statement-breakpoint
-- Adds rows of usage_hourly to the slices of each dimension, and takes others away. An event without a value has no slice:
-- what is in the totals and in no slice is what had none. Sorted, so that two batches never lock rows in opposite orders.
create function add_usage_slices(added usage_hourly[], removed usage_hourly[]) returns void language plpgsql as $$
begin
  if cardinality(added) = 0 then
    return;
  end if;
  with slices as materialized (
    select changed.organization_id, slice.dimension, slice.value, changed.hour,
      sum(sign * requests) as requests, sum(sign * errors) as errors, sum(sign * api_calls) as api_calls,
      sum(sign * queries) as queries, sum(sign * input_tokens) as input_tokens,
      sum(sign * output_tokens) as output_tokens, sum(sign * cached_tokens) as cached_tokens,
      sum(sign * cost_usd) as cost_usd, sum(sign * unpriced) as unpriced,
      sum(sign * response_time_ms_sum) as response_time_ms_sum,
      sum(sign * response_time_count) as response_time_count, sum(sign * latency_0) as latency_0,
      sum(sign * latency_1) as latency_1, sum(sign * latency_2) as latency_2, sum(sign * latency_3) as latency_3,
      sum(sign * latency_4) as latency_4, sum(sign * latency_5) as latency_5, sum(sign * latency_6) as latency_6,
      sum(sign * latency_7) as latency_7, sum(sign * latency_8) as latency_8, sum(sign * latency_9) as latency_9,
      sum(sign * latency_10) as latency_10, sum(sign * latency_11) as latency_11,
      sum(sign * latency_12) as latency_12, sum(sign * latency_13) as latency_13,
      sum(sign * latency_14) as latency_14, sum(sign * latency_15) as latency_15,
      sum(sign * latency_16) as latency_16, sum(sign * latency_17) as latency_17,
      sum(sign * latency_18) as latency_18, sum(sign * latency_19) as latency_19
    from (select 1 as sign, * from unnest(added) union all select -1, * from unnest(removed)) as changed,
      lateral (values ('endpoint', endpoint), ('key', nullif(key_id::text, '00000000-0000-0000-0000-000000000000')),
        ('model', model), ('provider', provider), ('route', route), ('status', nullif(status_code, 0)::text),
        ('environment', environment)) as slice(dimension, value)
    where slice.value <> ''
    group by 1, 2, 3, 4
  ), hourly as (
    insert into usage_slices as known (organization_id, dimension, value, hour,
    requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced,
    response_time_ms_sum, response_time_count, latency_0, latency_1, latency_2, latency_3, latency_4, latency_5,
    latency_6, latency_7, latency_8, latency_9, latency_10, latency_11, latency_12, latency_13, latency_14,
    latency_15, latency_16, latency_17, latency_18, latency_19)
    select organization_id, dimension, value, hour,
    requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced,
    response_time_ms_sum, response_time_count, latency_0, latency_1, latency_2, latency_3, latency_4, latency_5,
    latency_6, latency_7, latency_8, latency_9, latency_10, latency_11, latency_12, latency_13, latency_14,
    latency_15, latency_16, latency_17, latency_18, latency_19
    from slices order by organization_id, dimension, value, hour
    on conflict (organization_id, dimension, value, hour) do update set
    requests = known.requests + excluded.requests, errors = known.errors + excluded.errors,
    api_calls = known.api_calls + excluded.api_calls, queries = known.queries + excluded.queries,
    input_tokens = known.input_tokens + excluded.input_tokens,
    output_tokens = known.output_tokens + excluded.output_tokens,
    cached_tokens = known.cached_tokens + excluded.cached_tokens, cost_usd = known.cost_usd + excluded.cost_usd,
    unpriced = known.unpriced + excluded.unpriced,
    response_time_ms_sum = known.response_time_ms_sum + excluded.response_time_ms_sum,
    response_time_count = known.response_time_count + excluded.response_time_count,
    latency_0 = known.latency_0 + excluded.latency_0, latency_1 = known.latency_1 + excluded.latency_1,
    latency_2 = known.latency_2 + excluded.latency_2, latency_3 = known.latency_3 + excluded.latency_3,
    latency_4 = known.latency_4 + excluded.latency_4, latency_5 = known.latency_5 + excluded.latency_5,
    latency_6 = known.latency_6 + excluded.latency_6, latency_7 = known.latency_7 + excluded.latency_7,
    latency_8 = known.latency_8 + excluded.latency_8, latency_9 = known.latency_9 + excluded.latency_9,
    latency_10 = known.latency_10 + excluded.latency_10, latency_11 = known.latency_11 + excluded.latency_11,
    latency_12 = known.latency_12 + excluded.latency_12, latency_13 = known.latency_13 + excluded.latency_13,
    latency_14 = known.latency_14 + excluded.latency_14, latency_15 = known.latency_15 + excluded.latency_15,
    latency_16 = known.latency_16 + excluded.latency_16, latency_17 = known.latency_17 + excluded.latency_17,
    latency_18 = known.latency_18 + excluded.latency_18, latency_19 = known.latency_19 + excluded.latency_19
  )
  insert into usage_daily_slices as known (organization_id, dimension, value, day,
    requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced,
    response_time_ms_sum, response_time_count, latency_0, latency_1, latency_2, latency_3, latency_4, latency_5,
    latency_6, latency_7, latency_8, latency_9, latency_10, latency_11, latency_12, latency_13, latency_14,
    latency_15, latency_16, latency_17, latency_18, latency_19)
  select organization_id, dimension, value, (hour at time zone 'UTC')::date,
    sum(requests), sum(errors), sum(api_calls), sum(queries), sum(input_tokens), sum(output_tokens),
    sum(cached_tokens), sum(cost_usd), sum(unpriced), sum(response_time_ms_sum), sum(response_time_count),
    sum(latency_0), sum(latency_1), sum(latency_2), sum(latency_3), sum(latency_4), sum(latency_5), sum(latency_6),
    sum(latency_7), sum(latency_8), sum(latency_9), sum(latency_10), sum(latency_11), sum(latency_12),
    sum(latency_13), sum(latency_14), sum(latency_15), sum(latency_16), sum(latency_17), sum(latency_18),
    sum(latency_19)
  from slices group by 1, 2, 3, 4 order by 1, 2, 4, 3
  on conflict (organization_id, dimension, day, value) do update set
    requests = known.requests + excluded.requests, errors = known.errors + excluded.errors,
    api_calls = known.api_calls + excluded.api_calls, queries = known.queries + excluded.queries,
    input_tokens = known.input_tokens + excluded.input_tokens,
    output_tokens = known.output_tokens + excluded.output_tokens,
    cached_tokens = known.cached_tokens + excluded.cached_tokens, cost_usd = known.cost_usd + excluded.cost_usd,
    unpriced = known.unpriced + excluded.unpriced,
    response_time_ms_sum = known.response_time_ms_sum + excluded.response_time_ms_sum,
    response_time_count = known.response_time_count + excluded.response_time_count,
    latency_0 = known.latency_0 + excluded.latency_0, latency_1 = known.latency_1 + excluded.latency_1,
    latency_2 = known.latency_2 + excluded.latency_2, latency_3 = known.latency_3 + excluded.latency_3,
    latency_4 = known.latency_4 + excluded.latency_4, latency_5 = known.latency_5 + excluded.latency_5,
    latency_6 = known.latency_6 + excluded.latency_6, latency_7 = known.latency_7 + excluded.latency_7,
    latency_8 = known.latency_8 + excluded.latency_8, latency_9 = known.latency_9 + excluded.latency_9,
    latency_10 = known.latency_10 + excluded.latency_10, latency_11 = known.latency_11 + excluded.latency_11,
    latency_12 = known.latency_12 + excluded.latency_12, latency_13 = known.latency_13 + excluded.latency_13,
    latency_14 = known.latency_14 + excluded.latency_14, latency_15 = known.latency_15 + excluded.latency_15,
    latency_16 = known.latency_16 + excluded.latency_16, latency_17 = known.latency_17 + excluded.latency_17,
    latency_18 = known.latency_18 + excluded.latency_18, latency_19 = known.latency_19 + excluded.latency_19;
end $$;
--> statement-breakpoint
create function slice_new_usage() returns trigger language plpgsql as $$
begin
  perform add_usage_slices(array(select row(added.*)::usage_hourly from added), '{}');
  return null;
end $$;
--> statement-breakpoint
create function slice_changed_usage() returns trigger language plpgsql as $$
begin
  perform add_usage_slices(array(select row(added.*)::usage_hourly from added), array(select row(removed.*)::usage_hourly from removed));
  return null;
end $$;
--> statement-breakpoint
create trigger usage_hourly_inserted after insert on usage_hourly referencing new table as added
for each statement execute function slice_new_usage();
--> statement-breakpoint
create trigger usage_hourly_updated after update on usage_hourly referencing new table as added old table as removed
for each statement execute function slice_changed_usage();
--> statement-breakpoint
select count(add_usage_slices(rows, '{}')) from (
  select array_agg(hourly) as rows from usage_hourly as hourly group by organization_id, (hour at time zone 'UTC')::date
) as days;
