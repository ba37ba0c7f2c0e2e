drop trigger usage_hourly_updated on usage_hourly;
--> statement-breakpoint
drop trigger usage_hourly_inserted on usage_hourly;
--> statement-breakpoint
drop function slice_changed_usage();
--> statement-breakpoint
drop function slice_new_usage();
--> statement-breakpoint
drop function add_usage_slices(usage_hourly[], usage_hourly[]);
--> statement-breakpoint
drop view monthly_usage;
--> statement-breakpoint
CREATE VIEW "public"."monthly_usage" AS (select organization_id, date_trunc('month', hour, 'UTC') as month,
    sum(requests)::bigint as requests, sum(errors)::bigint as errors,
    sum(api_calls)::bigint as api_calls, sum(queries)::bigint as queries,
    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
    sum(cached_tokens)::bigint as cached_tokens, sum(input_tokens + output_tokens)::bigint as tokens,
    sum(cost_usd) as cost_usd, sum(unpriced)::bigint as unpriced
    from usage_hourly group by organization_id, date_trunc('month', hour, 'UTC'));
--> statement-breakpoint
drop table usage_slices;
--> statement-breakpoint
drop table usage_daily_slices;
