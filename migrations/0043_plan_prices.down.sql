DROP FUNCTION seat_limit(jsonb, integer, jsonb);--> statement-breakpoint
DROP FUNCTION plan_limits(jsonb, jsonb);--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "addons" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "addons" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "addons" SET DATA TYPE text USING "prices"->0->>'stripe_price_id';--> statement-breakpoint
ALTER TABLE "plans" RENAME COLUMN "addons" TO "stripe_price_id";--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "seats" SET DATA TYPE text USING "prices"->0->>'polar_product_id';--> statement-breakpoint
ALTER TABLE "plans" RENAME COLUMN "seats" TO "polar_product_id";--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "prices" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "prices" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "prices" SET DATA TYPE integer USING ("prices"->0->>'amount_cents')::integer;--> statement-breakpoint
ALTER TABLE "plans" RENAME COLUMN "prices" TO "price_per_month_cents";--> statement-breakpoint
DROP INDEX "plans_one_newest";--> statement-breakpoint
ALTER TABLE "plans" DROP COLUMN "replaced_at";--> statement-breakpoint
ALTER TABLE "plans" DROP COLUMN "trial_days";--> statement-breakpoint
ALTER TABLE "organizations" DROP COLUMN "limit_additions";--> statement-breakpoint
ALTER TABLE "organizations" DROP COLUMN "seats";--> statement-breakpoint
ALTER TABLE "subscriptions" DROP COLUMN "pending";--> statement-breakpoint
ALTER TABLE "subscriptions" DROP COLUMN "interval";--> statement-breakpoint
ALTER TABLE "subscriptions" DROP COLUMN "currency";--> statement-breakpoint
ALTER TABLE "subscriptions" DROP COLUMN "seats";--> statement-breakpoint
ALTER TABLE "subscriptions" DROP COLUMN "addons";
