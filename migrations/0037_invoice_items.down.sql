DROP INDEX "billing_usage_ledger_open";--> statement-breakpoint
DROP INDEX "billing_usage_ledger_charged_with";--> statement-breakpoint
DROP INDEX "billing_usage_ledger_waiting";--> statement-breakpoint
UPDATE "billing_usage_ledger" SET "state" = 'unknown', "claimed_until" = null, "error" = 'It may be an invoice item at Stripe.' WHERE "provider" = 'stripe' AND "state" = 'pending' AND "charged_with" is not null;--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" DROP COLUMN "generation";--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" DROP COLUMN "provider_subscription_id";--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" DROP COLUMN "amount_cents";--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" DROP COLUMN "charged_with";--> statement-breakpoint
CREATE INDEX "billing_usage_ledger_open" ON "billing_usage_ledger" USING btree ("created_at") WHERE "billing_usage_ledger"."state" = 'pending';
