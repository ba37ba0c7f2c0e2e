DROP INDEX "mail_outbox_created";--> statement-breakpoint
DROP INDEX "sessions_organization";--> statement-breakpoint
DROP INDEX "sessions_user";--> statement-breakpoint
DROP INDEX "email_tokens_expiry";--> statement-breakpoint
ALTER TABLE "api_keys" DROP COLUMN "is_rate_limit_granted";--> statement-breakpoint
CREATE INDEX "sessions_user_live" ON "sessions" USING btree ("user_id") WHERE "sessions"."ended_at" is null;
