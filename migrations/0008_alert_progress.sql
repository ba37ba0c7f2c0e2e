ALTER TABLE "usage_alerts" ADD COLUMN "notified_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "usage_periods" ADD COLUMN "updated_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
CREATE INDEX "usage_alerts_open" ON "usage_alerts" USING btree ("crossed_at") WHERE "usage_alerts"."notified_at" is null;--> statement-breakpoint
CREATE INDEX "usage_periods_updated" ON "usage_periods" USING btree ("updated_at");