DROP VIEW "public"."monthly_usage";--> statement-breakpoint
ALTER TABLE "usage_daily_slices" ALTER COLUMN "cost_usd" SET DATA TYPE numeric(24, 9);--> statement-breakpoint
ALTER TABLE "usage_daily_slices" ALTER COLUMN "cost_usd" SET DEFAULT '0';--> statement-breakpoint
ALTER TABLE "usage_gauges" ALTER COLUMN "value" SET DATA TYPE numeric(24, 9);--> statement-breakpoint
ALTER TABLE "usage_hourly" ALTER COLUMN "cost_usd" SET DATA TYPE numeric(24, 9);--> statement-breakpoint
ALTER TABLE "usage_hourly" ALTER COLUMN "cost_usd" SET DEFAULT '0';--> statement-breakpoint
ALTER TABLE "usage_periods" ALTER COLUMN "cost_usd" SET DATA TYPE numeric(24, 9);--> statement-breakpoint
ALTER TABLE "usage_periods" ALTER COLUMN "cost_usd" SET DEFAULT '0';--> statement-breakpoint
ALTER TABLE "usage_slices" ALTER COLUMN "cost_usd" SET DATA TYPE numeric(24, 9);--> statement-breakpoint
ALTER TABLE "usage_slices" ALTER COLUMN "cost_usd" SET DEFAULT '0';--> statement-breakpoint
ALTER TABLE "usage_totals" ALTER COLUMN "cost_usd" SET DATA TYPE numeric(24, 9);--> statement-breakpoint
ALTER TABLE "usage_totals" ALTER COLUMN "cost_usd" SET DEFAULT '0';--> statement-breakpoint
ALTER TABLE "usage_events" ALTER COLUMN "cost_usd" SET DATA TYPE numeric(24, 9);--> statement-breakpoint
CREATE VIEW "public"."monthly_usage" AS (select organization_id, date_trunc('month', hour, 'UTC') as month,
    sum(requests)::bigint as requests, sum(errors)::bigint as errors,
    sum(api_calls)::bigint as api_calls, sum(queries)::bigint as queries,
    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
    sum(cached_tokens)::bigint as cached_tokens, sum(input_tokens + output_tokens)::bigint as tokens,
    sum(cost_usd) as cost_usd, sum(unpriced)::bigint as unpriced
    from usage_totals group by organization_id, date_trunc('month', hour, 'UTC'));
