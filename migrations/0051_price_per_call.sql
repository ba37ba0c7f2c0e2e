ALTER TABLE "plans" ADD COLUMN "price_per_call_usd" numeric(20, 9);--> statement-breakpoint
ALTER TABLE "usage_periods" ADD COLUMN "even_charges" numeric(24, 9) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_periods" ADD COLUMN "odd_charges" numeric(24, 9) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_events" ADD COLUMN "price_per_call_usd" numeric(20, 9);