-- The daily job can run in two processes at once. The second one waits for the first, and then finds nothing to drop. None waits
-- longer than three seconds for a table, because all other queries would wait behind it.
CREATE OR REPLACE FUNCTION drop_usage_partitions_before(first_kept text) RETURNS integer LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
  month_partition regclass;
  dropped integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ensure_usage_partition'));
  FOR month_partition IN
    SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'usage_events'::regclass AND relname ~ '^usage_events_\d{4}_\d{2}$' AND relname < first_kept
  LOOP
    EXECUTE format('DROP TABLE IF EXISTS %s', month_partition);
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
  PERFORM pg_advisory_xact_lock(hashtext('ensure_audit_partition'));
  FOR old_partition IN
    SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'audit_logs'::regclass
      AND (relname ~ '^audit_logs_\d{4}_\d{2}$' AND relname < 'audit_logs_' || first_kept
        OR relname ~ '^audit_logs_before_\d{4}_\d{2}$' AND relname <= 'audit_logs_before_' || first_kept)
  LOOP
    EXECUTE format('DROP TABLE IF EXISTS %s', old_partition);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION drop_usage_dedupe_before(first_kept integer) RETURNS integer LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
  old regclass;
  dropped integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ensure_usage_dedupe_partition'));
  FOR old IN
    SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'usage_dedupe'::regclass AND CASE
      WHEN relname = 'usage_dedupe_before' THEN usage_dedupe_generation('epoch') < first_kept
      WHEN relname ~ '^usage_dedupe_\d+$' THEN substr(relname, 14)::integer < first_kept END
  LOOP
    EXECUTE format('DROP TABLE IF EXISTS %s', old);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
--> statement-breakpoint
ALTER FUNCTION ensure_usage_partition(date) SET lock_timeout = '3s';
--> statement-breakpoint
ALTER FUNCTION ensure_usage_dedupe_partition(integer) SET lock_timeout = '3s';
