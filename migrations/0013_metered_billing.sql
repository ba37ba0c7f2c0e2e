CREATE TABLE "billing_terms" (
	"organization_id" uuid NOT NULL,
	"period_start" timestamp with time zone NOT NULL,
	"meter" text NOT NULL,
	"plan_id" text NOT NULL,
	"included_units" bigint,
	"tiers" jsonb NOT NULL,
	"provider" text NOT NULL,
	"provider_customer_id" text NOT NULL,
	"event_name" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "billing_terms_organization_id_period_start_meter_pk" PRIMARY KEY("organization_id","period_start","meter"),
	CONSTRAINT "billing_terms_provider" CHECK ("billing_terms"."provider" in ('polar', 'stripe'))
);
--> statement-breakpoint
CREATE TABLE "billing_usage_ledger" (
	"identifier" text PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"provider_customer_id" text NOT NULL,
	"event_name" text NOT NULL,
	"meter" text NOT NULL,
	"period_start" timestamp with time zone NOT NULL,
	"from_units" bigint NOT NULL,
	"units" bigint NOT NULL,
	"amount_micro_usd" bigint NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"occurred_at" timestamp with time zone NOT NULL,
	"claimed_until" timestamp with time zone,
	"attempts" integer DEFAULT 0 NOT NULL,
	"attempted_at" timestamp with time zone,
	"sent_at" timestamp with time zone,
	"error" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "billing_usage_ledger_provider" CHECK ("billing_usage_ledger"."provider" in ('polar', 'stripe')),
	CONSTRAINT "billing_usage_ledger_state" CHECK ("billing_usage_ledger"."state" in ('pending', 'sent', 'refused', 'unknown')),
	CONSTRAINT "billing_usage_ledger_units" CHECK ("billing_usage_ledger"."units" > 0 and "billing_usage_ledger"."from_units" >= 0)
);
--> statement-breakpoint
ALTER TABLE "plans" ADD COLUMN "overage" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
CREATE INDEX "billing_terms_period" ON "billing_terms" USING btree ("period_start");--> statement-breakpoint
CREATE INDEX "billing_usage_ledger_period" ON "billing_usage_ledger" USING btree ("organization_id","period_start","meter");--> statement-breakpoint
CREATE INDEX "billing_usage_ledger_open" ON "billing_usage_ledger" USING btree ("created_at") WHERE "billing_usage_ledger"."state" = 'pending';