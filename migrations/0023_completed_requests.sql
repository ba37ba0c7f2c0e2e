CREATE TABLE "usage_completions" (
	"organization_id" uuid NOT NULL,
	"request_id" text NOT NULL,
	"status_code" smallint NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"route" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"tried_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "usage_completions_organization_id_request_id_pk" PRIMARY KEY("organization_id","request_id")
);
--> statement-breakpoint
CREATE TABLE "usage_request_ids" (
	"organization_id" uuid NOT NULL,
	"request_id" text NOT NULL,
	"event_id" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "usage_request_ids_organization_id_request_id_pk" PRIMARY KEY("organization_id","request_id")
);
--> statement-breakpoint
ALTER TABLE "usage_dedupe" ADD COLUMN "occurred_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "usage_completions_created" ON "usage_completions" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "usage_completions_tried" ON "usage_completions" USING btree ("tried_at");--> statement-breakpoint
CREATE INDEX "usage_request_ids_created" ON "usage_request_ids" USING btree ("created_at");