DROP TABLE "usage_request_ids";
--> statement-breakpoint
DROP TABLE "usage_completions";
--> statement-breakpoint
ALTER TABLE "usage_dedupe" DROP COLUMN "occurred_at";
