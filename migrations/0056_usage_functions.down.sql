DROP FUNCTION complete_requests_1(jsonb);--> statement-breakpoint
DROP FUNCTION record_usage_1(jsonb);--> statement-breakpoint
DROP FUNCTION record_verifications_1(jsonb);
