ALTER TABLE "billing_terms" ALTER COLUMN "tiers" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "billing_terms" ALTER COLUMN "provider" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "billing_terms" ALTER COLUMN "provider_customer_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "billing_terms" ALTER COLUMN "event_name" DROP NOT NULL;