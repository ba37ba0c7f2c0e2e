ALTER TABLE "job_runs" ADD COLUMN "ended_at" timestamp with time zone;--> statement-breakpoint
UPDATE "job_runs" SET "ended_at" = "started_at" + "duration_ms" * interval '1 millisecond';
