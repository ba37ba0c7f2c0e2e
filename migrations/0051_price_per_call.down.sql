ALTER TABLE "usage_events" DROP COLUMN "price_per_call_usd";--> statement-breakpoint
ALTER TABLE "usage_periods" DROP COLUMN "odd_charges";--> statement-breakpoint
ALTER TABLE "usage_periods" DROP COLUMN "even_charges";--> statement-breakpoint
ALTER TABLE "plans" DROP COLUMN "price_per_call_usd";
