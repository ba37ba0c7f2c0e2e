CREATE TABLE "usage_subject_days" (
	"organization_id" uuid NOT NULL,
	"day" date NOT NULL,
	"subject" text NOT NULL,
	"requests" bigint DEFAULT 0 NOT NULL,
	"errors" bigint DEFAULT 0 NOT NULL,
	"api_calls" bigint DEFAULT 0 NOT NULL,
	"queries" bigint DEFAULT 0 NOT NULL,
	"input_tokens" bigint DEFAULT 0 NOT NULL,
	"output_tokens" bigint DEFAULT 0 NOT NULL,
	"cached_tokens" bigint DEFAULT 0 NOT NULL,
	"cost_usd" numeric(24, 9) DEFAULT '0' NOT NULL,
	"charge_usd" numeric(24, 9) DEFAULT '0' NOT NULL,
	"unpriced" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "usage_subject_days_organization_id_day_subject_pk" PRIMARY KEY("organization_id","day","subject")
);
--> statement-breakpoint
ALTER TABLE "usage_erasures" ADD COLUMN "subject" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_erasures" DROP CONSTRAINT "usage_erasures_pkey";--> statement-breakpoint
ALTER TABLE "usage_erasures" ADD CONSTRAINT "usage_erasures_organization_id_subject_pk" PRIMARY KEY("organization_id","subject");--> statement-breakpoint
CREATE INDEX "usage_subject_days_subject" ON "usage_subject_days" USING btree ("organization_id","subject");
