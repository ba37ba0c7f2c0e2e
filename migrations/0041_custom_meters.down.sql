ALTER TABLE "usage_events" DROP COLUMN "quantities";--> statement-breakpoint
DROP TABLE "usage_meter_periods";--> statement-breakpoint
DROP TABLE "usage_meter_hourly";--> statement-breakpoint
DROP TABLE "meters";
