CREATE TABLE "usage_late_hours" (
	"hour" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "usage_platform_days" (
	"dimension" text NOT NULL,
	"value" text NOT NULL,
	"plan_id" text NOT NULL,
	"day" date NOT NULL,
	"requests" bigint DEFAULT 0 NOT NULL,
	"errors" bigint DEFAULT 0 NOT NULL,
	"api_calls" bigint DEFAULT 0 NOT NULL,
	"queries" bigint DEFAULT 0 NOT NULL,
	"input_tokens" bigint DEFAULT 0 NOT NULL,
	"output_tokens" bigint DEFAULT 0 NOT NULL,
	"cached_tokens" bigint DEFAULT 0 NOT NULL,
	"cost_usd" numeric(24, 9) DEFAULT '0' NOT NULL,
	"unpriced" bigint DEFAULT 0 NOT NULL,
	"response_time_ms_sum" bigint DEFAULT 0 NOT NULL,
	"response_time_count" bigint DEFAULT 0 NOT NULL,
	"latency_0" bigint DEFAULT 0 NOT NULL,
	"latency_1" bigint DEFAULT 0 NOT NULL,
	"latency_2" bigint DEFAULT 0 NOT NULL,
	"latency_3" bigint DEFAULT 0 NOT NULL,
	"latency_4" bigint DEFAULT 0 NOT NULL,
	"latency_5" bigint DEFAULT 0 NOT NULL,
	"latency_6" bigint DEFAULT 0 NOT NULL,
	"latency_7" bigint DEFAULT 0 NOT NULL,
	"latency_8" bigint DEFAULT 0 NOT NULL,
	"latency_9" bigint DEFAULT 0 NOT NULL,
	"latency_10" bigint DEFAULT 0 NOT NULL,
	"latency_11" bigint DEFAULT 0 NOT NULL,
	"latency_12" bigint DEFAULT 0 NOT NULL,
	"latency_13" bigint DEFAULT 0 NOT NULL,
	"latency_14" bigint DEFAULT 0 NOT NULL,
	"latency_15" bigint DEFAULT 0 NOT NULL,
	"latency_16" bigint DEFAULT 0 NOT NULL,
	"latency_17" bigint DEFAULT 0 NOT NULL,
	"latency_18" bigint DEFAULT 0 NOT NULL,
	"latency_19" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "usage_platform_days_dimension_day_value_plan_id_pk" PRIMARY KEY("dimension","day","value","plan_id")
);
--> statement-breakpoint
CREATE TABLE "usage_platform_hours" (
	"dimension" text NOT NULL,
	"value" text NOT NULL,
	"plan_id" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"requests" bigint DEFAULT 0 NOT NULL,
	"errors" bigint DEFAULT 0 NOT NULL,
	"api_calls" bigint DEFAULT 0 NOT NULL,
	"queries" bigint DEFAULT 0 NOT NULL,
	"input_tokens" bigint DEFAULT 0 NOT NULL,
	"output_tokens" bigint DEFAULT 0 NOT NULL,
	"cached_tokens" bigint DEFAULT 0 NOT NULL,
	"cost_usd" numeric(24, 9) DEFAULT '0' NOT NULL,
	"unpriced" bigint DEFAULT 0 NOT NULL,
	"response_time_ms_sum" bigint DEFAULT 0 NOT NULL,
	"response_time_count" bigint DEFAULT 0 NOT NULL,
	"latency_0" bigint DEFAULT 0 NOT NULL,
	"latency_1" bigint DEFAULT 0 NOT NULL,
	"latency_2" bigint DEFAULT 0 NOT NULL,
	"latency_3" bigint DEFAULT 0 NOT NULL,
	"latency_4" bigint DEFAULT 0 NOT NULL,
	"latency_5" bigint DEFAULT 0 NOT NULL,
	"latency_6" bigint DEFAULT 0 NOT NULL,
	"latency_7" bigint DEFAULT 0 NOT NULL,
	"latency_8" bigint DEFAULT 0 NOT NULL,
	"latency_9" bigint DEFAULT 0 NOT NULL,
	"latency_10" bigint DEFAULT 0 NOT NULL,
	"latency_11" bigint DEFAULT 0 NOT NULL,
	"latency_12" bigint DEFAULT 0 NOT NULL,
	"latency_13" bigint DEFAULT 0 NOT NULL,
	"latency_14" bigint DEFAULT 0 NOT NULL,
	"latency_15" bigint DEFAULT 0 NOT NULL,
	"latency_16" bigint DEFAULT 0 NOT NULL,
	"latency_17" bigint DEFAULT 0 NOT NULL,
	"latency_18" bigint DEFAULT 0 NOT NULL,
	"latency_19" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "usage_platform_hours_dimension_value_hour_plan_id_pk" PRIMARY KEY("dimension","value","hour","plan_id")
);
--> statement-breakpoint
CREATE TABLE "usage_platform_months" (
	"dimension" text NOT NULL,
	"value" text NOT NULL,
	"plan_id" text NOT NULL,
	"month" date NOT NULL,
	"requests" bigint DEFAULT 0 NOT NULL,
	"errors" bigint DEFAULT 0 NOT NULL,
	"api_calls" bigint DEFAULT 0 NOT NULL,
	"queries" bigint DEFAULT 0 NOT NULL,
	"input_tokens" bigint DEFAULT 0 NOT NULL,
	"output_tokens" bigint DEFAULT 0 NOT NULL,
	"cached_tokens" bigint DEFAULT 0 NOT NULL,
	"cost_usd" numeric(24, 9) DEFAULT '0' NOT NULL,
	"unpriced" bigint DEFAULT 0 NOT NULL,
	"response_time_ms_sum" bigint DEFAULT 0 NOT NULL,
	"response_time_count" bigint DEFAULT 0 NOT NULL,
	"latency_0" bigint DEFAULT 0 NOT NULL,
	"latency_1" bigint DEFAULT 0 NOT NULL,
	"latency_2" bigint DEFAULT 0 NOT NULL,
	"latency_3" bigint DEFAULT 0 NOT NULL,
	"latency_4" bigint DEFAULT 0 NOT NULL,
	"latency_5" bigint DEFAULT 0 NOT NULL,
	"latency_6" bigint DEFAULT 0 NOT NULL,
	"latency_7" bigint DEFAULT 0 NOT NULL,
	"latency_8" bigint DEFAULT 0 NOT NULL,
	"latency_9" bigint DEFAULT 0 NOT NULL,
	"latency_10" bigint DEFAULT 0 NOT NULL,
	"latency_11" bigint DEFAULT 0 NOT NULL,
	"latency_12" bigint DEFAULT 0 NOT NULL,
	"latency_13" bigint DEFAULT 0 NOT NULL,
	"latency_14" bigint DEFAULT 0 NOT NULL,
	"latency_15" bigint DEFAULT 0 NOT NULL,
	"latency_16" bigint DEFAULT 0 NOT NULL,
	"latency_17" bigint DEFAULT 0 NOT NULL,
	"latency_18" bigint DEFAULT 0 NOT NULL,
	"latency_19" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "usage_platform_months_dimension_month_value_plan_id_pk" PRIMARY KEY("dimension","month","value","plan_id")
);
--> statement-breakpoint
CREATE TABLE "usage_platform_progress" (
	"is_only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"folded_until" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "usage_verdicts" (
	"day" date NOT NULL,
	"organization_id" uuid NOT NULL,
	"code" text NOT NULL,
	"requests" bigint NOT NULL,
	CONSTRAINT "usage_verdicts_day_organization_id_code_pk" PRIMARY KEY("day","organization_id","code")
);
--> statement-breakpoint
CREATE INDEX "usage_late_hours_hour" ON "usage_late_hours" USING btree ("hour");--> statement-breakpoint
CREATE INDEX "usage_platform_hours_hour" ON "usage_platform_hours" USING btree ("hour","dimension");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_failed" ON "webhook_deliveries" USING btree ("created_at") WHERE "webhook_deliveries"."state" = 'failed';--> statement-breakpoint
CREATE INDEX "mail_outbox_given_up" ON "mail_outbox" USING btree ("created_at") WHERE "mail_outbox"."next_attempt_at" is null and "mail_outbox"."sent_at" is null;--> statement-breakpoint
CREATE INDEX "usage_hourly_hour" ON "usage_hourly" USING brin ("hour") WITH (autosummarize=true);--> statement-breakpoint
CREATE INDEX "usage_totals_hour" ON "usage_totals" USING brin ("hour") WITH (autosummarize=true);
--> statement-breakpoint
-- Nothing is folded yet: the job begins with the first hour that has usage. Until it is through, answers are right and slower.
INSERT INTO "usage_platform_progress" ("folded_until")
SELECT coalesce(min(hour), date_trunc('hour', now(), 'UTC')) FROM usage_totals;
