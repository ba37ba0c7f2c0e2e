DELETE FROM "billing_terms" WHERE "tiers" IS NULL;--> statement-breakpoint
ALTER TABLE "billing_terms" ALTER COLUMN "tiers" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "billing_terms" ALTER COLUMN "provider" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "billing_terms" ALTER COLUMN "provider_customer_id" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "billing_terms" ALTER COLUMN "event_name" SET NOT NULL;
