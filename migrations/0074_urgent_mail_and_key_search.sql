DROP INDEX "mail_outbox_due";--> statement-breakpoint
ALTER TABLE "mail_outbox" ADD COLUMN "urgent" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_erasures" ADD COLUMN "worked_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "api_keys_hint_end" ON "api_keys" USING btree (right("key_hint", 4),"id");--> statement-breakpoint
CREATE INDEX "api_keys_name" ON "api_keys" USING btree (lower("name") text_pattern_ops);--> statement-breakpoint
CREATE INDEX "mail_outbox_due" ON "mail_outbox" USING btree ("urgent" DESC NULLS FIRST,"next_attempt_at") WHERE "mail_outbox"."next_attempt_at" is not null;
