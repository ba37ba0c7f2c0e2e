ALTER TABLE "webhook_endpoints" DROP COLUMN "failed_events";--> statement-breakpoint
ALTER TABLE "webhook_endpoints" DROP COLUMN "previous_secret_until";--> statement-breakpoint
ALTER TABLE "webhook_endpoints" DROP COLUMN "previous_secret";--> statement-breakpoint
ALTER TABLE "usage_alerts" DROP COLUMN "id";
