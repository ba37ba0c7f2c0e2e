DROP INDEX "api_keys_expiry";--> statement-breakpoint
DROP INDEX "webhook_deliveries_state";--> statement-breakpoint
DROP INDEX "webhook_deliveries_event";--> statement-breakpoint
DROP INDEX "webhook_endpoints_operator";--> statement-breakpoint
ALTER TABLE "webhook_deliveries" DROP COLUMN "state_of";--> statement-breakpoint
ALTER TABLE "webhook_endpoints" DROP COLUMN "is_operator";
