DROP TRIGGER "audit_logs_no_truncate" ON "audit_logs";
--> statement-breakpoint
DROP INDEX "api_keys_creator";
--> statement-breakpoint
DROP INDEX "audit_logs_target";
--> statement-breakpoint
DROP INDEX "audit_logs_actor";
--> statement-breakpoint
DROP INDEX "sessions_impersonator";
