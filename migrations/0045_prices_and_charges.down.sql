DROP VIEW "public"."monthly_usage";--> statement-breakpoint
DROP TABLE "model_prices";--> statement-breakpoint
ALTER TABLE "usage_events" DROP COLUMN "correction";--> statement-breakpoint
ALTER TABLE "usage_events" DROP COLUMN "markup_percent";--> statement-breakpoint
ALTER TABLE "usage_events" DROP COLUMN "charge_usd";--> statement-breakpoint
ALTER TABLE "usage_events" DROP COLUMN "audio_output_tokens";--> statement-breakpoint
ALTER TABLE "usage_events" DROP COLUMN "audio_input_tokens";--> statement-breakpoint
ALTER TABLE "usage_events" DROP COLUMN "cache_write_tokens";--> statement-breakpoint
ALTER TABLE "usage_hourly" DROP COLUMN "charge_usd";--> statement-breakpoint
ALTER TABLE "usage_totals" DROP COLUMN "charge_usd";--> statement-breakpoint
ALTER TABLE "usage_slices" DROP COLUMN "charge_usd";--> statement-breakpoint
ALTER TABLE "usage_daily_slices" DROP COLUMN "charge_usd";--> statement-breakpoint
ALTER TABLE "usage_periods" DROP COLUMN "charge_usd";--> statement-breakpoint
ALTER TABLE "usage_platform_hours" DROP COLUMN "charge_usd";--> statement-breakpoint
ALTER TABLE "usage_platform_days" DROP COLUMN "charge_usd";--> statement-breakpoint
ALTER TABLE "usage_platform_months" DROP COLUMN "charge_usd";--> statement-breakpoint
ALTER TABLE "plans" DROP COLUMN "markup_percent";--> statement-breakpoint
ALTER TABLE "usage_alerts" ALTER COLUMN "limit_value" SET DATA TYPE numeric(20, 6);--> statement-breakpoint
ALTER TABLE "usage_alerts" ALTER COLUMN "used" SET DATA TYPE numeric(20, 6);--> statement-breakpoint
CREATE VIEW "public"."monthly_usage" AS (select organization_id, date_trunc('month', hour, 'UTC') as month,
    sum(requests)::bigint as requests, sum(errors)::bigint as errors,
    sum(api_calls)::bigint as api_calls, sum(queries)::bigint as queries,
    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
    sum(cached_tokens)::bigint as cached_tokens, sum(input_tokens + output_tokens)::bigint as tokens,
    sum(cost_usd) as cost_usd, sum(unpriced)::bigint as unpriced
    from usage_totals group by organization_id, date_trunc('month', hour, 'UTC'));
