CREATE TABLE "usage_platform_plans" (
	"organization_id" uuid NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"plan_id" text NOT NULL,
	CONSTRAINT "usage_platform_plans_organization_id_since_pk" PRIMARY KEY("organization_id","since")
);
--> statement-breakpoint
ALTER TABLE "usage_late_hours" ADD COLUMN "noted_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
INSERT INTO "usage_platform_plans" ("organization_id", "since", "plan_id")
SELECT organization_id, day::timestamp AT TIME ZONE 'UTC', plan_id FROM (
  SELECT value::uuid AS organization_id, day, plan_id, lag(plan_id) OVER (PARTITION BY value ORDER BY day, plan_id) AS before
  FROM "usage_platform_days" WHERE dimension = 'organization') AS days
WHERE before IS DISTINCT FROM plan_id
ON CONFLICT DO NOTHING;
