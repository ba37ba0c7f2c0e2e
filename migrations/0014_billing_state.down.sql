DROP INDEX "subscriptions_one_current";--> statement-breakpoint
DROP INDEX "subscriptions_customer";--> statement-breakpoint
DROP INDEX "subscriptions_organization";--> statement-breakpoint
ALTER TABLE "subscriptions" DROP COLUMN "revision";--> statement-breakpoint
ALTER TABLE "subscriptions" DROP COLUMN "is_current";--> statement-breakpoint
ALTER TABLE "subscriptions" DROP COLUMN "refunded_charge_at";--> statement-breakpoint
ALTER TABLE "billing_events" DROP COLUMN "outcome";--> statement-breakpoint
CREATE UNIQUE INDEX "subscriptions_one_current" ON "subscriptions" USING btree ("organization_id") WHERE "subscriptions"."ended_at" is null;
