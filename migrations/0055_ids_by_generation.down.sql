CREATE TABLE "usage_dedupe_kept" AS
SELECT DISTINCT ON ("organization_id", "key") "organization_id", "key", "payload_hash", "occurred_at"
FROM "usage_dedupe" ORDER BY "organization_id", "key", "generation";--> statement-breakpoint
DROP TABLE "usage_dedupe";--> statement-breakpoint
DROP FUNCTION drop_usage_dedupe_before(integer);--> statement-breakpoint
DROP FUNCTION ensure_usage_dedupe_partition(integer);--> statement-breakpoint
DROP FUNCTION usage_dedupe_generation(timestamptz);--> statement-breakpoint
CREATE TABLE "usage_dedupe" (
	"organization_id" uuid NOT NULL,
	"key" "bytea" NOT NULL,
	"payload_hash" "bytea" NOT NULL,
	"first_seen" timestamp with time zone DEFAULT now() NOT NULL,
	"occurred_at" timestamp with time zone,
	CONSTRAINT "usage_dedupe_organization_id_key_pk" PRIMARY KEY("organization_id","key")
);
--> statement-breakpoint
INSERT INTO "usage_dedupe" ("organization_id", "key", "payload_hash", "occurred_at")
SELECT "organization_id", "key", "payload_hash", "occurred_at" FROM "usage_dedupe_kept";--> statement-breakpoint
-- The version before knows a verification by its id here.
INSERT INTO "usage_dedupe" ("organization_id", "key", "payload_hash", "occurred_at")
SELECT DISTINCT ON (1, 2) "organization_id", sha256(convert_to('verification ' || "id", 'UTF8')), sha256(''), "occurred_at" FROM "usage_events"
WHERE "occurred_at" > now() - interval '36 days' AND "trace" ->> 'plan' IS NOT NULL ORDER BY 1, 2
ON CONFLICT DO NOTHING;--> statement-breakpoint
DROP TABLE "usage_dedupe_kept";--> statement-breakpoint
CREATE INDEX "usage_dedupe_first_seen" ON "usage_dedupe" USING btree ("first_seen");
