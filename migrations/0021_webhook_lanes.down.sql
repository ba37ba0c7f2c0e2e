ALTER TABLE "webhook_endpoints" DROP COLUMN "paused_until";--> statement-breakpoint
ALTER TABLE "webhook_endpoints" DROP COLUMN "busy_until";--> statement-breakpoint
ALTER TABLE "webhook_endpoints" DROP COLUMN "tried_at";
