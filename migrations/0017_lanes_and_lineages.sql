ALTER TABLE "api_keys" ADD COLUMN "lineage_id" uuid;--> statement-breakpoint
ALTER TABLE "usage_periods" ADD COLUMN "even_calls" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_periods" ADD COLUMN "odd_calls" bigint DEFAULT 0 NOT NULL;