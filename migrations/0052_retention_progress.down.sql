ALTER TABLE audit_logs DROP CONSTRAINT audit_logs_before;
--> statement-breakpoint
DROP TABLE "retention_progress";
