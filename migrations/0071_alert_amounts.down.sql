DELETE FROM "usage_alerts" WHERE "kind" <> 'percentage';--> statement-breakpoint
ALTER TABLE "usage_alerts" DROP CONSTRAINT "usage_alerts_pkey";--> statement-breakpoint
ALTER TABLE "usage_alerts" ADD CONSTRAINT "usage_alerts_organization_id_period_start_meter_limit_value_threshold_pk" PRIMARY KEY("organization_id","period_start","meter","limit_value","threshold");--> statement-breakpoint
ALTER TABLE "usage_alerts" DROP CONSTRAINT "usage_alerts_kind";--> statement-breakpoint
ALTER TABLE "usage_alerts" DROP COLUMN "kind";--> statement-breakpoint
ALTER TABLE "organizations" DROP COLUMN "alert_amounts";
