CREATE INDEX "usage_periods_updated" ON "usage_periods" USING btree ("updated_at");--> statement-breakpoint
DROP INDEX "usage_periods_started";--> statement-breakpoint
ALTER TABLE "usage_hourly" RESET (fillfactor);--> statement-breakpoint
ALTER TABLE "usage_totals" RESET (fillfactor);--> statement-breakpoint
ALTER TABLE "usage_slices" RESET (fillfactor);--> statement-breakpoint
ALTER TABLE "usage_daily_slices" RESET (fillfactor);--> statement-breakpoint
ALTER TABLE "usage_subject_days" RESET (fillfactor);--> statement-breakpoint
ALTER TABLE "usage_meter_hourly" RESET (fillfactor);--> statement-breakpoint
ALTER TABLE "usage_periods" RESET (fillfactor);--> statement-breakpoint
ALTER TABLE "usage_meter_periods" RESET (fillfactor);--> statement-breakpoint
ALTER TABLE "usage_gauges" RESET (fillfactor);--> statement-breakpoint
ALTER TABLE "usage_verdicts" RESET (fillfactor);--> statement-breakpoint
ALTER TABLE "api_key_usage" RESET (fillfactor);
