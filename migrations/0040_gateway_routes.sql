CREATE TABLE "gateway_routes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"slug" text NOT NULL,
	"match_host" text,
	"match_path_prefix" text NOT NULL,
	"upstream" text NOT NULL,
	"strip_prefix" boolean NOT NULL,
	"add_headers" jsonb NOT NULL,
	"timeout_ms" integer NOT NULL,
	"scopes" text[] NOT NULL,
	"cost" integer NOT NULL,
	"limits" jsonb NOT NULL,
	"meter" jsonb NOT NULL,
	"public_paths" text[] NOT NULL,
	"is_enabled" boolean NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "gateway_routes_slug_unique" ON "gateway_routes" USING btree ("slug");--> statement-breakpoint
CREATE UNIQUE INDEX "gateway_routes_match_unique" ON "gateway_routes" USING btree ("match_host","match_path_prefix");