DROP INDEX "billing_usage_ledger_created";--> statement-breakpoint
DROP TABLE "job_runs";
