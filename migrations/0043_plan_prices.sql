ALTER TABLE "subscriptions" ADD COLUMN "pending" jsonb;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "interval" text DEFAULT 'month' NOT NULL;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "currency" text DEFAULT 'usd' NOT NULL;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "seats" integer;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "addons" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "limit_additions" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "seats" integer;--> statement-breakpoint
ALTER TABLE "plans" ADD COLUMN "replaced_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "plans" ADD COLUMN "trial_days" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "plans_one_newest" ON "plans" USING btree (split_part("id", '@', 1)) WHERE "plans"."replaced_at" is null;--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "price_per_month_cents" SET DATA TYPE jsonb USING CASE
	WHEN "price_per_month_cents" IS NULL AND "stripe_price_id" IS NULL AND "polar_product_id" IS NULL THEN '[]'::jsonb
	ELSE jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('stripe_price_id', "stripe_price_id", 'polar_product_id', "polar_product_id"))
		|| jsonb_build_object('interval', 'month', 'currency', 'usd', 'amount_cents', "price_per_month_cents")) END;--> statement-breakpoint
ALTER TABLE "plans" RENAME COLUMN "price_per_month_cents" TO "prices";--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "prices" SET DEFAULT '[]'::jsonb;--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "prices" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "polar_product_id" SET DATA TYPE jsonb USING NULL;--> statement-breakpoint
ALTER TABLE "plans" RENAME COLUMN "polar_product_id" TO "seats";--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "stripe_price_id" SET DATA TYPE jsonb USING '[]'::jsonb;--> statement-breakpoint
ALTER TABLE "plans" RENAME COLUMN "stripe_price_id" TO "addons";--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "addons" SET DEFAULT '[]'::jsonb;--> statement-breakpoint
ALTER TABLE "plans" ALTER COLUMN "addons" SET NOT NULL;--> statement-breakpoint
CREATE FUNCTION plan_limits(planned jsonb, added jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN added = '{}'::jsonb THEN planned ELSE planned || jsonb_build_object(
		'max_api_keys', (planned->>'max_api_keys')::integer + coalesce((added->>'max_api_keys')::integer, 0),
		'meters', (SELECT coalesce(jsonb_object_agg(one.meter, CASE
			WHEN jsonb_typeof(one.term->'limit') = 'number' AND jsonb_typeof(added->'meters'->one.meter) = 'number'
				THEN one.term || jsonb_build_object('limit', (one.term->>'limit')::numeric + (added->'meters'->>one.meter)::numeric)
			ELSE one.term END), '{}'::jsonb) FROM jsonb_each(planned->'meters') AS one(meter, term))) END
$$;--> statement-breakpoint
CREATE FUNCTION seat_limit(planned jsonb, bought integer, added jsonb) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN jsonb_typeof(planned) = 'object'
		THEN coalesce(bought, (planned->>'included')::integer) + coalesce((added->>'seats')::integer, 0) END
$$;
