ALTER TABLE "job_runs" DROP COLUMN "ended_at";
