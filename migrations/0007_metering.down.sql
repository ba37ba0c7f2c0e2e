drop function usage_period_start(timestamptz, timestamptz);
--> statement-breakpoint
DROP TABLE "usage_periods";--> statement-breakpoint
DROP TABLE "usage_totals";--> statement-breakpoint
DROP TABLE "usage_daily";--> statement-breakpoint
DROP TABLE "usage_gauges";--> statement-breakpoint
DROP TABLE "usage_alerts";--> statement-breakpoint
DROP TABLE "webhook_deliveries";--> statement-breakpoint
DROP TABLE "webhook_endpoints";--> statement-breakpoint
ALTER TABLE "usage_hourly"
	DROP COLUMN "latency_0",
	DROP COLUMN "latency_1",
	DROP COLUMN "latency_2",
	DROP COLUMN "latency_3",
	DROP COLUMN "latency_4",
	DROP COLUMN "latency_5",
	DROP COLUMN "latency_6",
	DROP COLUMN "latency_7",
	DROP COLUMN "latency_8",
	DROP COLUMN "latency_9",
	DROP COLUMN "latency_10",
	DROP COLUMN "latency_11",
	DROP COLUMN "latency_12",
	DROP COLUMN "latency_13",
	DROP COLUMN "latency_14",
	DROP COLUMN "latency_15",
	DROP COLUMN "latency_16",
	DROP COLUMN "latency_17",
	DROP COLUMN "latency_18",
	DROP COLUMN "latency_19";--> statement-breakpoint
ALTER TABLE "organizations" DROP COLUMN "alert_thresholds";--> statement-breakpoint
ALTER TABLE "organizations" DROP COLUMN "period_anchor";--> statement-breakpoint
ALTER TABLE "api_keys" DROP COLUMN "limits";
