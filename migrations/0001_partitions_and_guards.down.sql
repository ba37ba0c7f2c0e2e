DROP TRIGGER audit_logs_append_only ON audit_logs;
--> statement-breakpoint
DROP FUNCTION refuse_change();
--> statement-breakpoint
-- The raw events go with their partitions; the hourly roll-up, which every figure is read from, stays.
DO $$
DECLARE
  partition regclass;
BEGIN
  FOR partition IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'usage_events'::regclass LOOP
    EXECUTE format('DROP TABLE %s', partition);
  END LOOP;
END $$;
--> statement-breakpoint
DROP FUNCTION drop_usage_partitions_before(text);
--> statement-breakpoint
DROP FUNCTION ensure_usage_partition(date);
