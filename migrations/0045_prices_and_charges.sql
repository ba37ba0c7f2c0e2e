CREATE TABLE "model_prices" (
	"id" uuid PRIMARY KEY NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"kind" text NOT NULL,
	"usd_per_million" numeric(20, 6),
	"usd_per_unit" numeric(20, 12),
	"valid_from" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "model_prices_amount" CHECK (num_nonnulls("model_prices"."usd_per_million", "model_prices"."usd_per_unit") = 1)
);
--> statement-breakpoint
DROP VIEW "public"."monthly_usage";--> statement-breakpoint
ALTER TABLE "usage_alerts" ALTER COLUMN "limit_value" SET DATA TYPE numeric(24, 9);--> statement-breakpoint
ALTER TABLE "usage_alerts" ALTER COLUMN "used" SET DATA TYPE numeric(24, 9);--> statement-breakpoint
ALTER TABLE "plans" ADD COLUMN "markup_percent" numeric(9, 4) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_platform_days" ADD COLUMN "charge_usd" numeric(24, 9) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_platform_hours" ADD COLUMN "charge_usd" numeric(24, 9) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_platform_months" ADD COLUMN "charge_usd" numeric(24, 9) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_daily_slices" ADD COLUMN "charge_usd" numeric(24, 9) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_hourly" ADD COLUMN "charge_usd" numeric(24, 9) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_periods" ADD COLUMN "charge_usd" numeric(24, 9) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_slices" ADD COLUMN "charge_usd" numeric(24, 9) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_totals" ADD COLUMN "charge_usd" numeric(24, 9) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_events" ADD COLUMN "cache_write_tokens" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_events" ADD COLUMN "audio_input_tokens" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_events" ADD COLUMN "audio_output_tokens" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_events" ADD COLUMN "charge_usd" numeric(24, 9);--> statement-breakpoint
ALTER TABLE "usage_events" ADD COLUMN "markup_percent" numeric(9, 4);--> statement-breakpoint
ALTER TABLE "usage_events" ADD COLUMN "correction" jsonb;--> statement-breakpoint
CREATE UNIQUE INDEX "model_prices_unique" ON "model_prices" USING btree ("provider","model","kind","valid_from");--> statement-breakpoint
CREATE VIEW "public"."monthly_usage" AS (select organization_id, date_trunc('month', hour, 'UTC') as month,
    sum(requests)::bigint as requests, sum(errors)::bigint as errors,
    sum(api_calls)::bigint as api_calls, sum(queries)::bigint as queries,
    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
    sum(cached_tokens)::bigint as cached_tokens, sum(input_tokens + output_tokens)::bigint as tokens,
    sum(cost_usd) as cost_usd, sum(charge_usd) as charge_usd, sum(unpriced)::bigint as unpriced
    from usage_totals group by organization_id, date_trunc('month', hour, 'UTC'));
--> statement-breakpoint
-- What was used before has no markup: it was charged at its cost.
UPDATE "usage_hourly" SET "charge_usd" = "cost_usd" WHERE "cost_usd" <> 0;
--> statement-breakpoint
UPDATE "usage_totals" SET "charge_usd" = "cost_usd" WHERE "cost_usd" <> 0;
--> statement-breakpoint
UPDATE "usage_slices" SET "charge_usd" = "cost_usd" WHERE "cost_usd" <> 0;
--> statement-breakpoint
UPDATE "usage_daily_slices" SET "charge_usd" = "cost_usd" WHERE "cost_usd" <> 0;
--> statement-breakpoint
UPDATE "usage_periods" SET "charge_usd" = "cost_usd" WHERE "cost_usd" <> 0;
--> statement-breakpoint
UPDATE "usage_platform_hours" SET "charge_usd" = "cost_usd" WHERE "cost_usd" <> 0;
--> statement-breakpoint
UPDATE "usage_platform_days" SET "charge_usd" = "cost_usd" WHERE "cost_usd" <> 0;
--> statement-breakpoint
UPDATE "usage_platform_months" SET "charge_usd" = "cost_usd" WHERE "cost_usd" <> 0;
--> statement-breakpoint
UPDATE "usage_events" SET "charge_usd" = "cost_usd", "markup_percent" = 0 WHERE "cost_usd" IS NOT NULL;
