CREATE OR REPLACE FUNCTION drop_usage_partitions_before(first_kept text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  month_partition regclass;
  dropped integer := 0;
BEGIN
  FOR month_partition IN
    SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'usage_events'::regclass AND relname ~ '^usage_events_\d{4}_\d{2}$' AND relname < first_kept
  LOOP
    EXECUTE format('DROP TABLE %s', month_partition);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION drop_audit_partitions_before(first_kept text) RETURNS integer LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
  old_partition regclass;
  dropped integer := 0;
BEGIN
  FOR old_partition IN
    SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'audit_logs'::regclass
      AND (relname ~ '^audit_logs_\d{4}_\d{2}$' AND relname < 'audit_logs_' || first_kept
        OR relname ~ '^audit_logs_before_\d{4}_\d{2}$' AND relname <= 'audit_logs_before_' || first_kept)
  LOOP
    EXECUTE format('DROP TABLE %s', old_partition);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION drop_usage_dedupe_before(first_kept integer) RETURNS integer LANGUAGE plpgsql AS $$
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
--> statement-breakpoint
ALTER FUNCTION ensure_usage_partition(date) RESET lock_timeout;
--> statement-breakpoint
ALTER FUNCTION ensure_usage_dedupe_partition(integer) RESET lock_timeout;
