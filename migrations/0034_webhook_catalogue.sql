ALTER TABLE "webhook_deliveries" ADD COLUMN "state_of" uuid;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "is_operator" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_deliveries_event" ON "webhook_deliveries" USING btree ("endpoint_id","event_id");--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_deliveries_state" ON "webhook_deliveries" USING btree ("endpoint_id","state_of") WHERE "webhook_deliveries"."state_of" is not null and "webhook_deliveries"."attempts" = 0 and "webhook_deliveries"."next_attempt_at" is not null;--> statement-breakpoint
CREATE INDEX "webhook_endpoints_operator" ON "webhook_endpoints" USING btree ("id") WHERE "webhook_endpoints"."is_operator";--> statement-breakpoint
CREATE INDEX "api_keys_expiry" ON "api_keys" USING btree ("expires_at") WHERE "api_keys"."expires_at" is not null;