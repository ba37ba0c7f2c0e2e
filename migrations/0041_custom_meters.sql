CREATE TABLE "meters" (
	"slug" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"unit" text NOT NULL,
	"kind" text NOT NULL,
	"scale" smallint DEFAULT 0 NOT NULL,
	"is_builtin" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "meters_kind" CHECK ("meters"."kind" in ('counter', 'gauge')),
	CONSTRAINT "meters_scale" CHECK ("meters"."scale" >= 0)
);
--> statement-breakpoint
CREATE TABLE "usage_meter_hourly" (
	"organization_id" uuid NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"meter" text NOT NULL,
	"key_id" uuid NOT NULL,
	"environment" text NOT NULL,
	"endpoint" text NOT NULL,
	"status_code" smallint NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"route" text NOT NULL,
	"amount" numeric(30, 6) DEFAULT '0' NOT NULL,
	CONSTRAINT "usage_meter_hourly_organization_id_hour_meter_key_id_environment_endpoint_status_code_provider_model_route_pk" PRIMARY KEY("organization_id","hour","meter","key_id","environment","endpoint","status_code","provider","model","route")
);
--> statement-breakpoint
CREATE TABLE "usage_meter_periods" (
	"organization_id" uuid NOT NULL,
	"period_start" timestamp with time zone NOT NULL,
	"meter" text NOT NULL,
	"amount" numeric(30, 6) DEFAULT '0' NOT NULL,
	"even_amount" numeric(30, 6) DEFAULT '0' NOT NULL,
	"odd_amount" numeric(30, 6) DEFAULT '0' NOT NULL,
	CONSTRAINT "usage_meter_periods_organization_id_period_start_meter_pk" PRIMARY KEY("organization_id","period_start","meter")
);
--> statement-breakpoint
ALTER TABLE "usage_events" ADD COLUMN "quantities" jsonb;--> statement-breakpoint
CREATE INDEX "usage_meter_hourly_hour" ON "usage_meter_hourly" USING brin ("hour") WITH (autosummarize=true);--> statement-breakpoint
INSERT INTO "meters" ("slug", "name", "unit", "kind", "scale", "is_builtin") VALUES
	('api_calls', 'API calls', 'calls', 'counter', 0, true),
	('queries', 'Queries', 'queries', 'counter', 0, true),
	('tokens', 'Tokens', 'tokens', 'counter', 0, true),
	('cost_usd', 'Cost', 'US dollars', 'counter', 9, true),
	('concepts', 'Concepts', 'concepts', 'gauge', 0, true),
	('storage_gb', 'Storage', 'GB', 'gauge', 6, true);
