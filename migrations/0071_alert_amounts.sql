ALTER TABLE "organizations" ADD COLUMN "alert_amounts" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_alerts" ADD COLUMN "kind" text DEFAULT 'percentage' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_alerts" ADD CONSTRAINT "usage_alerts_kind" CHECK ("usage_alerts"."kind" in ('percentage', 'usage', 'overage'));--> statement-breakpoint
ALTER TABLE "usage_alerts" DROP CONSTRAINT "usage_alerts_organization_id_period_start_meter_limit_value_threshold_pk";--> statement-breakpoint
ALTER TABLE "usage_alerts" ADD CONSTRAINT "usage_alerts_pkey" PRIMARY KEY("organization_id","period_start","meter","kind","limit_value","threshold");
