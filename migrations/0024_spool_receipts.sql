CREATE TABLE "usage_spool_receipts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"events" integer DEFAULT 0 NOT NULL,
	"organizations" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"drained_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE INDEX "usage_spool_receipts_created" ON "usage_spool_receipts" USING btree ("created_at");