DROP FUNCTION complete_requests_2(jsonb);--> statement-breakpoint
DROP FUNCTION record_usage_3(jsonb);--> statement-breakpoint
ALTER TABLE "usage_completions" DROP COLUMN "report_at";--> statement-breakpoint
ALTER TABLE "usage_completions" DROP COLUMN "report_id";--> statement-breakpoint
ALTER TABLE "usage_completions" DROP COLUMN "is_error";
