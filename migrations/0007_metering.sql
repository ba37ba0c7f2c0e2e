CREATE TABLE "usage_alerts" (
	"organization_id" uuid NOT NULL,
	"meter" text NOT NULL,
	"period_start" timestamp with time zone NOT NULL,
	"limit_value" numeric(20, 6) NOT NULL,
	"threshold" smallint NOT NULL,
	"used" numeric(20, 6) NOT NULL,
	"crossed_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "usage_alerts_organization_id_period_start_meter_limit_value_threshold_pk" PRIMARY KEY("organization_id","period_start","meter","limit_value","threshold")
);
--> statement-breakpoint
CREATE TABLE "webhook_deliveries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"event_id" text NOT NULL,
	"type" text NOT NULL,
	"payload" jsonb NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone,
	"last_status_code" smallint,
	"last_error" text,
	"response_time_ms" integer,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "webhook_endpoints" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"url" text NOT NULL,
	"description" text,
	"events" text[] DEFAULT '{}' NOT NULL,
	"secret" "bytea" NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	"disabled_reason" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "usage_daily" (
	"organization_id" uuid NOT NULL,
	"day" date NOT NULL,
	"key_id" uuid NOT NULL,
	"environment" text NOT NULL,
	"endpoint" text NOT NULL,
	"status_code" smallint NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"route" text NOT NULL,
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
	CONSTRAINT "usage_daily_organization_id_day_key_id_environment_endpoint_status_code_provider_model_route_pk" PRIMARY KEY("organization_id","day","key_id","environment","endpoint","status_code","provider","model","route")
);
--> statement-breakpoint
CREATE TABLE "usage_gauges" (
	"organization_id" uuid NOT NULL,
	"meter" text NOT NULL,
	"value" numeric(20, 6) NOT NULL,
	"observed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "usage_gauges_organization_id_meter_pk" PRIMARY KEY("organization_id","meter")
);
--> statement-breakpoint
CREATE TABLE "usage_periods" (
	"organization_id" uuid NOT NULL,
	"period_start" timestamp with time zone NOT NULL,
	"requests" bigint DEFAULT 0 NOT NULL,
	"errors" bigint DEFAULT 0 NOT NULL,
	"api_calls" bigint DEFAULT 0 NOT NULL,
	"queries" bigint DEFAULT 0 NOT NULL,
	"input_tokens" bigint DEFAULT 0 NOT NULL,
	"output_tokens" bigint DEFAULT 0 NOT NULL,
	"cached_tokens" bigint DEFAULT 0 NOT NULL,
	"cost_usd" numeric(20, 6) DEFAULT '0' NOT NULL,
	"unpriced" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "usage_periods_organization_id_period_start_pk" PRIMARY KEY("organization_id","period_start")
);
--> statement-breakpoint
CREATE TABLE "usage_totals" (
	"organization_id" uuid NOT NULL,
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
	CONSTRAINT "usage_totals_organization_id_hour_pk" PRIMARY KEY("organization_id","hour")
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "limits" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "period_anchor" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "alert_thresholds" jsonb;--> statement-breakpoint
ALTER TABLE "usage_hourly"
	ADD COLUMN "latency_0" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_1" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_2" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_3" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_4" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_5" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_6" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_7" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_8" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_9" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_10" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_11" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_12" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_13" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_14" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_15" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_16" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_17" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_18" integer DEFAULT 0 NOT NULL,
	ADD COLUMN "latency_19" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_alerts" ADD CONSTRAINT "usage_alerts_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_endpoint_id_webhook_endpoints_id_fk" FOREIGN KEY ("endpoint_id") REFERENCES "public"."webhook_endpoints"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "usage_alerts_crossed" ON "usage_alerts" USING btree ("organization_id","crossed_at");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_endpoint" ON "webhook_deliveries" USING btree ("endpoint_id","id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_created" ON "webhook_deliveries" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_due" ON "webhook_deliveries" USING btree ("next_attempt_at") WHERE "webhook_deliveries"."next_attempt_at" is not null;--> statement-breakpoint
CREATE INDEX "webhook_endpoints_organization" ON "webhook_endpoints" USING btree ("organization_id","id");--> statement-breakpoint
-- When the usage period that holds a moment began. Periods follow the anchor by whole months, each reckoned from the
-- anchor itself, so that the 31st becomes the 28th in February and the 31st again in March. Before it: calendar months.
create function usage_period_start(anchor timestamptz, at timestamptz) returns timestamptz
language sql immutable parallel safe as $$
  select case when anchor is null or at < anchor then date_trunc('month', at, 'UTC') else (
    select (started at time zone 'UTC' + make_interval(months => months - case when
      (started at time zone 'UTC' + make_interval(months => months)) at time zone 'UTC' > at then 1 else 0 end)) at time zone 'UTC'
    from (select anchor as started,
      ((extract(year from at at time zone 'UTC') - extract(year from anchor at time zone 'UTC')) * 12
        + extract(month from at at time zone 'UTC') - extract(month from anchor at time zone 'UTC'))::int as months) as counted
  ) end
$$;
--> statement-breakpoint
insert into usage_daily (organization_id, day, key_id, environment, endpoint, status_code, provider, model, route, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, response_time_ms_sum, response_time_count)
  select organization_id, (hour at time zone 'UTC')::date, key_id, environment, endpoint, status_code, provider, model, route, sum(requests), sum(errors), sum(api_calls), sum(queries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(cost_usd), sum(unpriced), sum(response_time_ms_sum), sum(response_time_count)
  from usage_hourly group by 1, 2, 3, 4, 5, 6, 7, 8, 9;
--> statement-breakpoint
insert into usage_totals (organization_id, hour, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, response_time_ms_sum, response_time_count)
  select organization_id, hour, sum(requests), sum(errors), sum(api_calls), sum(queries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(cost_usd), sum(unpriced), sum(response_time_ms_sum), sum(response_time_count)
  from usage_hourly group by 1, 2;
--> statement-breakpoint
insert into usage_periods (organization_id, period_start, requests, errors, api_calls, queries, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced)
  select organization_id, date_trunc('month', hour, 'UTC'), sum(requests), sum(errors), sum(api_calls), sum(queries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(cost_usd), sum(unpriced) from usage_hourly group by 1, 2;
