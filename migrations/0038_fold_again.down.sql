DROP TABLE "usage_platform_plans";--> statement-breakpoint
ALTER TABLE "usage_late_hours" DROP COLUMN "noted_at";
