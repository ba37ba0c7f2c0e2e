CREATE TABLE "metric_counters" (
	"isolate" uuid PRIMARY KEY NOT NULL,
	"flush" integer NOT NULL,
	"counters" jsonb NOT NULL,
	"written_at" timestamp with time zone DEFAULT now() NOT NULL
);
