ALTER TABLE "usage_events" DROP COLUMN "subject";--> statement-breakpoint
ALTER TABLE "api_keys" DROP CONSTRAINT "api_keys_max_concurrent";--> statement-breakpoint
ALTER TABLE "api_keys" DROP COLUMN "max_concurrent";
