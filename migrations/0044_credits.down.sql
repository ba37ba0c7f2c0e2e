DROP TABLE "spend_caps";--> statement-breakpoint
DROP TABLE "credit_purchases";--> statement-breakpoint
DROP TABLE "credit_ledger";--> statement-breakpoint
DROP TABLE "credit_grants";--> statement-breakpoint
DROP TABLE "credit_accounts";--> statement-breakpoint
ALTER TABLE "plans" DROP COLUMN "rollover_max_usd";--> statement-breakpoint
ALTER TABLE "plans" DROP COLUMN "included_credits_usd";
