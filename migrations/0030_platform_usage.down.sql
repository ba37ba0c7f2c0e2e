DROP INDEX "usage_totals_hour";
--> statement-breakpoint
DROP INDEX "usage_hourly_hour";
--> statement-breakpoint
DROP INDEX "mail_outbox_given_up";
--> statement-breakpoint
DROP INDEX "webhook_deliveries_failed";
--> statement-breakpoint
DROP TABLE "usage_verdicts";
--> statement-breakpoint
DROP TABLE "usage_late_hours";
--> statement-breakpoint
DROP TABLE "usage_platform_progress";
--> statement-breakpoint
DROP TABLE "usage_platform_months";
--> statement-breakpoint
DROP TABLE "usage_platform_days";
--> statement-breakpoint
DROP TABLE "usage_platform_hours";
