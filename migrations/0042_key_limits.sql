ALTER TABLE "api_keys" ADD COLUMN "max_concurrent" integer;--> statement-breakpoint
ALTER TABLE "usage_events" ADD COLUMN "subject" text;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_max_concurrent" CHECK ("api_keys"."max_concurrent" > 0);