DROP INDEX "billing_usage_ledger_open";--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" ADD COLUMN "charged_with" text;--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" ADD COLUMN "amount_cents" bigint;--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" ADD COLUMN "provider_subscription_id" text;--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" ADD COLUMN "generation" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE "billing_usage_ledger" SET "state" = 'unknown', "claimed_until" = null, "error" = 'It may have reached Stripe as a meter event.' WHERE "provider" = 'stripe' AND "state" = 'pending' AND "attempted_at" is not null;--> statement-breakpoint
UPDATE "billing_usage_ledger" SET "charged_with" = "identifier" WHERE "provider" = 'polar' OR "state" <> 'pending';--> statement-breakpoint
CREATE INDEX "billing_usage_ledger_waiting" ON "billing_usage_ledger" USING btree ("organization_id","created_at") WHERE "billing_usage_ledger"."state" = 'pending' and "billing_usage_ledger"."charged_with" is null;--> statement-breakpoint
CREATE INDEX "billing_usage_ledger_charged_with" ON "billing_usage_ledger" USING btree ("charged_with");--> statement-breakpoint
CREATE INDEX "billing_usage_ledger_open" ON "billing_usage_ledger" USING btree ("provider","created_at") WHERE "billing_usage_ledger"."state" = 'pending' and "billing_usage_ledger"."charged_with" = "billing_usage_ledger"."identifier";
