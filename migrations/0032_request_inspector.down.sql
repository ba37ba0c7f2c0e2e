DROP INDEX "usage_events_occurred";--> statement-breakpoint
DROP INDEX "api_keys_hint";--> statement-breakpoint
ALTER TABLE "usage_events" DROP COLUMN "trace";--> statement-breakpoint
ALTER TABLE "webhook_deliveries" DROP COLUMN "request_id";
