DROP INDEX "usage_periods_updated";--> statement-breakpoint
DROP INDEX "usage_alerts_open";--> statement-breakpoint
ALTER TABLE "usage_periods" DROP COLUMN "updated_at";--> statement-breakpoint
ALTER TABLE "usage_alerts" DROP COLUMN "notified_at";
