DROP INDEX "mail_outbox_due";--> statement-breakpoint
DROP INDEX "api_keys_name";--> statement-breakpoint
DROP INDEX "api_keys_hint_end";--> statement-breakpoint
ALTER TABLE "usage_erasures" DROP COLUMN "worked_at";--> statement-breakpoint
ALTER TABLE "mail_outbox" DROP COLUMN "urgent";--> statement-breakpoint
CREATE INDEX "mail_outbox_due" ON "mail_outbox" USING btree ("next_attempt_at") WHERE "mail_outbox"."next_attempt_at" is not null;
