DROP FUNCTION record_usage_2(jsonb);--> statement-breakpoint
DROP TABLE "usage_meter_subject_days";
