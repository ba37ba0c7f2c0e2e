-- A span of 12 days since 1970. What was there before is one partition, which lasts until the generation after the next begins: until
-- then the last release, which looks in no other, claims ids in it as well.
DO $$ BEGIN EXECUTE format(
  'CREATE FUNCTION usage_dedupe_generation(moment timestamptz) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
   RETURN greatest(floor(extract(epoch FROM moment) / 1036800)::integer, %s)', floor(extract(epoch FROM now()) / 1036800)::integer + 1);
END $$;
--> statement-breakpoint
ALTER TABLE "usage_dedupe" RENAME TO "usage_dedupe_before";--> statement-breakpoint
-- By this column the last release prunes row by row, which must find nothing: row ids are not those of one partition alone.
ALTER TABLE "usage_dedupe_before" DROP COLUMN "first_seen";--> statement-breakpoint
ALTER TABLE "usage_dedupe_before" ADD COLUMN "first_seen" timestamp with time zone;--> statement-breakpoint
DO $$ BEGIN EXECUTE format(
  'ALTER TABLE usage_dedupe_before ADD COLUMN generation integer NOT NULL DEFAULT %s', usage_dedupe_generation(now()));
END $$;
--> statement-breakpoint
-- From version 18 on these have names, which the new table is to have.
ALTER TABLE "usage_dedupe_before" DROP CONSTRAINT "usage_dedupe_organization_id_key_pk",
	ALTER COLUMN "organization_id" DROP NOT NULL, ALTER COLUMN "key" DROP NOT NULL, ALTER COLUMN "payload_hash" DROP NOT NULL;--> statement-breakpoint
CREATE TABLE "usage_dedupe" (
	"organization_id" uuid NOT NULL,
	"key" "bytea" NOT NULL,
	"payload_hash" "bytea" NOT NULL,
	"first_seen" timestamp with time zone,
	"occurred_at" timestamp with time zone,
	"generation" integer DEFAULT usage_dedupe_generation(now()) NOT NULL,
	CONSTRAINT "usage_dedupe_organization_id_key_generation_pk" PRIMARY KEY("organization_id","key","generation")
) PARTITION BY RANGE ("generation");
--> statement-breakpoint
ALTER TABLE "usage_dedupe_before"
	ALTER COLUMN "organization_id" SET NOT NULL, ALTER COLUMN "key" SET NOT NULL, ALTER COLUMN "payload_hash" SET NOT NULL;--> statement-breakpoint
DO $$ BEGIN EXECUTE format(
  'ALTER TABLE usage_dedupe ATTACH PARTITION usage_dedupe_before FOR VALUES FROM (MINVALUE) TO (%s)', usage_dedupe_generation(now()) + 1);
END $$;
--> statement-breakpoint
CREATE TABLE "usage_dedupe_default" PARTITION OF "usage_dedupe" DEFAULT;--> statement-breakpoint
CREATE FUNCTION ensure_usage_dedupe_partition(generation integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  partition_name text := 'usage_dedupe_' || generation;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ensure_usage_dedupe_partition'));
  IF to_regclass(partition_name) IS NOT NULL OR generation <= usage_dedupe_generation('epoch') THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE usage_dedupe INCLUDING ALL)', partition_name);
  EXECUTE format(
    'WITH moved AS (DELETE FROM usage_dedupe_default WHERE generation = %s RETURNING *)
     INSERT INTO %I SELECT * FROM moved', generation, partition_name);
  EXECUTE format('ALTER TABLE usage_dedupe ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
    partition_name, generation, generation + 1);
  RETURN true;
END $$;
--> statement-breakpoint
SELECT ensure_usage_dedupe_partition(usage_dedupe_generation(now()) + 1);--> statement-breakpoint
-- Drops the generations before one.
CREATE FUNCTION drop_usage_dedupe_before(first_kept integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  old regclass;
  dropped integer := 0;
BEGIN
  FOR old IN
    SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'usage_dedupe'::regclass AND CASE
      WHEN relname = 'usage_dedupe_before' THEN usage_dedupe_generation('epoch') < first_kept
      WHEN relname ~ '^usage_dedupe_\d+$' THEN substr(relname, 14)::integer < first_kept END
  LOOP
    EXECUTE format('DROP TABLE %s', old);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
