-- Reads the table while others read and write it. What follows takes its strongest lock, but only for catalog changes.
ALTER TABLE audit_logs VALIDATE CONSTRAINT audit_logs_before;
--> statement-breakpoint
-- What is there becomes the first partition, up to the month that the constraint names. Of an empty table, up to this month.
DO $$
DECLARE
  upper_bound timestamptz;
  old_name text;
BEGIN
  LOCK TABLE audit_logs IN ACCESS EXCLUSIVE MODE;
  SELECT substring(pg_get_constraintdef(oid) FROM '''([^'']+)''')::timestamptz INTO STRICT upper_bound
  FROM pg_constraint WHERE conrelid = 'audit_logs'::regclass AND conname = 'audit_logs_before';
  IF NOT EXISTS (SELECT FROM audit_logs) THEN
    upper_bound := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
  END IF;
  old_name := 'audit_logs_before_' || to_char(upper_bound AT TIME ZONE 'UTC', 'YYYY_MM');
  DROP TRIGGER audit_logs_append_only ON audit_logs;
  EXECUTE format('ALTER TABLE audit_logs RENAME TO %I', old_name);
  ALTER INDEX audit_logs_pkey RENAME TO audit_logs_before_pkey;
  ALTER INDEX audit_logs_organization RENAME TO audit_logs_before_organization;
  ALTER INDEX audit_logs_actor RENAME TO audit_logs_before_actor;
  ALTER INDEX audit_logs_target RENAME TO audit_logs_before_target;
  EXECUTE format('CREATE TABLE audit_logs (LIKE %I INCLUDING DEFAULTS) PARTITION BY RANGE (created_at)', old_name);
  CREATE INDEX audit_logs_organization ON audit_logs (organization_id, created_at);
  CREATE INDEX audit_logs_actor ON audit_logs (actor_id, created_at);
  CREATE INDEX audit_logs_target ON audit_logs (target_id, created_at);
  EXECUTE format('ALTER TABLE audit_logs ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', old_name, upper_bound);
  EXECUTE format('ALTER TABLE %I DROP CONSTRAINT audit_logs_before', old_name);
END $$;
--> statement-breakpoint
CREATE TABLE audit_logs_default PARTITION OF audit_logs DEFAULT;
--> statement-breakpoint
ALTER TABLE audit_logs_default ADD PRIMARY KEY (id);
--> statement-breakpoint
-- Rows cannot be changed, except that their addresses and devices are erased when they are 30 days old. Only the functions
-- below delete rows.
CREATE FUNCTION guard_audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('tollgate.audit_maintenance', true) = 'on' THEN
    RETURN OLD;
  END IF;
  IF TG_OP = 'UPDATE' AND OLD.created_at < now() - interval '30 days' THEN
    OLD.ip := NULL;
    OLD.user_agent := NULL;
    IF NEW IS NOT DISTINCT FROM OLD THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'audit_logs is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
--> statement-breakpoint
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE ON audit_logs
FOR EACH ROW EXECUTE FUNCTION guard_audit_row();
--> statement-breakpoint
-- Triggers on statements do not apply to the partitions of their table.
CREATE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON audit_logs
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
CREATE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON audit_logs_default
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
-- Makes the partition of audit_logs that holds one month, if none does. Rows of that month which fell into the default
-- partition meanwhile are moved.
CREATE FUNCTION ensure_audit_partition(month_start date) RETURNS boolean LANGUAGE plpgsql
SET lock_timeout = '3s' SET tollgate.audit_maintenance = 'on' AS $$
DECLARE
  month_name text := to_char(month_start, 'YYYY_MM');
  partition_name text := 'audit_logs_' || month_name;
  lower_bound timestamptz := date_trunc('month', month_start)::timestamp AT TIME ZONE 'UTC';
  upper_bound timestamptz := (date_trunc('month', month_start) + interval '1 month')::timestamp AT TIME ZONE 'UTC';
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ensure_audit_partition'));
  IF to_regclass(partition_name) IS NOT NULL OR EXISTS (
    SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'audit_logs'::regclass AND relname ~ '^audit_logs_before_\d{4}_\d{2}$'
      AND relname > 'audit_logs_before_' || month_name
  ) THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE audit_logs INCLUDING ALL)', partition_name);
  EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (id)', partition_name);
  EXECUTE format('CREATE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON %I
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', partition_name);
  EXECUTE format(
    'WITH moved AS (DELETE FROM audit_logs_default WHERE created_at >= %L AND created_at < %L RETURNING *)
     INSERT INTO %I SELECT * FROM moved', lower_bound, upper_bound, partition_name);
  EXECUTE format('ALTER TABLE audit_logs ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
    partition_name, lower_bound, upper_bound);
  RETURN true;
END $$;
--> statement-breakpoint
SELECT ensure_audit_partition((date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => offset_months))::date)
FROM generate_series(0, 3) AS offset_months;
--> statement-breakpoint
-- Drops the partitions whose rows are all of the months before one, such as 2026_11.
CREATE FUNCTION drop_audit_partitions_before(first_kept text) RETURNS integer LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
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
-- Deletes old rows from partitions that are not dropped with their month: the first one and the default one. Ids begin with
-- the time of their row, and are indexed.
CREATE FUNCTION delete_audit_rows_before(moment timestamptz, most integer) RETURNS integer LANGUAGE plpgsql
SET tollgate.audit_maintenance = 'on' AS $$
DECLARE
  milliseconds text := lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0');
  first_id uuid := (left(milliseconds, 8) || '-' || right(milliseconds, 4) || '-7000-8000-000000000000')::uuid;
  old_partition regclass;
  deleted integer;
  total integer := 0;
BEGIN
  FOR old_partition IN
    SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'audit_logs'::regclass AND relname ~ '^audit_logs_(default|before_\d{4}_\d{2})$'
  LOOP
    EXECUTE format('DELETE FROM %1$s WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM %1$s WHERE id < $1 AND created_at < $2 LIMIT $3))', old_partition) USING first_id, moment, most - total;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    total := total + deleted;
  END LOOP;
  RETURN total;
END $$;
