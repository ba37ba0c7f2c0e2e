ALTER TABLE "api_keys" DROP COLUMN "lineage_id";--> statement-breakpoint
ALTER TABLE "usage_periods" DROP COLUMN "even_calls";--> statement-breakpoint
ALTER TABLE "usage_periods" DROP COLUMN "odd_calls";
