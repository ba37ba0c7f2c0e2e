CREATE TABLE "retention_progress" (
	"task" text PRIMARY KEY NOT NULL,
	"position" text DEFAULT '' NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
-- The next migration makes the audit log the first partition of a partitioned one. Attaching a table reads it whole under
-- its strongest lock, unless a constraint says already that all rows belong there. This adds the constraint without a look
-- at the rows; the next migration validates it while rows are read and written. Two transactions, since this one holds the
-- lock to its end. The constraint refuses rows from the month after next on: apply the next migration before.
DO $$
BEGIN
  EXECUTE format('ALTER TABLE audit_logs ADD CONSTRAINT audit_logs_before CHECK (created_at < %L) NOT VALID',
    (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months') AT TIME ZONE 'UTC');
END $$;
