DELETE FROM "usage_erasures" WHERE "subject" <> '';--> statement-breakpoint
ALTER TABLE "usage_erasures" DROP CONSTRAINT "usage_erasures_organization_id_subject_pk";--> statement-breakpoint
ALTER TABLE "usage_erasures" DROP COLUMN "subject";--> statement-breakpoint
ALTER TABLE "usage_erasures" ADD PRIMARY KEY("organization_id");--> statement-breakpoint
DROP TABLE "usage_subject_days";
