CREATE INDEX "usage_periods_started" ON "usage_periods" USING btree ("period_start");--> statement-breakpoint
DROP INDEX "usage_periods_updated";--> statement-breakpoint
-- Room in each page for the next version of its rows. A page of hours and days is full of rows that change no more; of the others each row changes for ever.
ALTER TABLE "usage_hourly" SET (fillfactor = 90);--> statement-breakpoint
ALTER TABLE "usage_totals" SET (fillfactor = 90);--> statement-breakpoint
ALTER TABLE "usage_slices" SET (fillfactor = 90);--> statement-breakpoint
ALTER TABLE "usage_daily_slices" SET (fillfactor = 90);--> statement-breakpoint
ALTER TABLE "usage_subject_days" SET (fillfactor = 90);--> statement-breakpoint
ALTER TABLE "usage_meter_hourly" SET (fillfactor = 90);--> statement-breakpoint
ALTER TABLE "usage_periods" SET (fillfactor = 70);--> statement-breakpoint
ALTER TABLE "usage_meter_periods" SET (fillfactor = 70);--> statement-breakpoint
ALTER TABLE "usage_gauges" SET (fillfactor = 70);--> statement-breakpoint
ALTER TABLE "usage_verdicts" SET (fillfactor = 70);--> statement-breakpoint
ALTER TABLE "api_key_usage" SET (fillfactor = 70);
