ALTER TABLE "plans" DROP COLUMN "overage";--> statement-breakpoint
DROP TABLE "billing_usage_ledger";--> statement-breakpoint
DROP TABLE "billing_terms";
