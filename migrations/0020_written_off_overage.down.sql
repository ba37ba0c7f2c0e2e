UPDATE "billing_usage_ledger" SET "state" = 'refused' WHERE "state" = 'written_off';--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" DROP CONSTRAINT "billing_usage_ledger_state";--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" ADD CONSTRAINT "billing_usage_ledger_state" CHECK ("billing_usage_ledger"."state" in ('pending', 'sent', 'refused', 'unknown'));
