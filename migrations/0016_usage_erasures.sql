CREATE TABLE "usage_erasures" (
	"organization_id" uuid PRIMARY KEY NOT NULL,
	"deleted_at" timestamp with time zone NOT NULL,
	"done_time" timestamp with time zone,
	"done_id" text
);
