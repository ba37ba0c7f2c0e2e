ALTER TABLE "webhook_deliveries" ADD COLUMN "request_id" text;--> statement-breakpoint
ALTER TABLE "usage_events" ADD COLUMN "trace" json;--> statement-breakpoint
CREATE INDEX "api_keys_hint" ON "api_keys" USING btree ("key_hint" text_pattern_ops);--> statement-breakpoint
CREATE INDEX "usage_events_occurred" ON "usage_events" USING brin ("occurred_at") WITH (autosummarize=true);