-- Makes the partition of usage_events that holds one month, if there is none. Rows of that month which fell into the
-- default partition meanwhile are moved, so that a late call never fails and never loses one.
CREATE FUNCTION ensure_usage_partition(month_start date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  partition_name text := 'usage_events_' || to_char(month_start, 'YYYY_MM');
  lower_bound timestamptz := date_trunc('month', month_start)::timestamp AT TIME ZONE 'UTC';
  upper_bound timestamptz := (date_trunc('month', month_start) + interval '1 month')::timestamp AT TIME ZONE 'UTC';
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ensure_usage_partition'));
  IF to_regclass(partition_name) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE usage_events INCLUDING ALL)', partition_name);
  EXECUTE format(
    'WITH moved AS (DELETE FROM usage_events_default WHERE occurred_at >= %L AND occurred_at < %L RETURNING *)
     INSERT INTO %I SELECT * FROM moved', lower_bound, upper_bound, partition_name);
  EXECUTE format('ALTER TABLE usage_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
    partition_name, lower_bound, upper_bound);
  RETURN true;
END $$;
--> statement-breakpoint
CREATE TABLE usage_events_default PARTITION OF usage_events DEFAULT;
--> statement-breakpoint
-- Two months back for late events, three ahead; the daily job goes on from here.
SELECT ensure_usage_partition((date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => offset_months))::date)
FROM generate_series(-2, 3) AS offset_months;
--> statement-breakpoint
-- Drops the months before the one that a partition name such as usage_events_2026_11 stands for.
CREATE FUNCTION drop_usage_partitions_before(first_kept text) RETURNS integer LANGUAGE plpgsql AS $$
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
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
--> statement-breakpoint
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE ON audit_logs
FOR EACH ROW EXECUTE FUNCTION refuse_change();
