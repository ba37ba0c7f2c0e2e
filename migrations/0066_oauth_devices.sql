CREATE TABLE "oauth_devices" (
	"device_hash" "bytea" PRIMARY KEY NOT NULL,
	"user_code" text NOT NULL,
	"client_id" uuid NOT NULL,
	"scopes" text[] NOT NULL,
	"resource" text,
	"expires_at" timestamp with time zone NOT NULL,
	"interval_seconds" integer NOT NULL,
	"asked_at" timestamp with time zone,
	"decision" text,
	"user_id" uuid,
	"organization_id" uuid,
	"grant_id" uuid,
	CONSTRAINT "oauth_devices_user_code" UNIQUE("user_code"),
	CONSTRAINT "oauth_devices_decision" CHECK (("oauth_devices"."decision" is distinct from 'approve') = ("oauth_devices"."organization_id" is null) and ("oauth_devices"."decision" is null) = ("oauth_devices"."user_id" is null))
);
--> statement-breakpoint
ALTER TABLE "oauth_clients" ADD COLUMN "metadata_url" text;--> statement-breakpoint
ALTER TABLE "oauth_clients" ADD COLUMN "read_again_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "oauth_clients" ADD COLUMN "devices" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "oauth_devices" ADD CONSTRAINT "oauth_devices_client_id_oauth_clients_id_fk" FOREIGN KEY ("client_id") REFERENCES "public"."oauth_clients"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "oauth_devices" ADD CONSTRAINT "oauth_devices_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "oauth_devices" ADD CONSTRAINT "oauth_devices_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "oauth_devices_expiry" ON "oauth_devices" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "oauth_devices_client" ON "oauth_devices" USING btree ("client_id");--> statement-breakpoint
CREATE INDEX "oauth_devices_user" ON "oauth_devices" USING btree ("user_id") WHERE "oauth_devices"."user_id" is not null;--> statement-breakpoint
CREATE INDEX "oauth_devices_organization" ON "oauth_devices" USING btree ("organization_id") WHERE "oauth_devices"."organization_id" is not null;--> statement-breakpoint
ALTER TABLE "oauth_clients" ADD CONSTRAINT "oauth_clients_metadata_url" UNIQUE("metadata_url");--> statement-breakpoint
ALTER TABLE "oauth_clients" ADD CONSTRAINT "oauth_clients_document" CHECK ("oauth_clients"."metadata_url" is null or ("oauth_clients"."auth_method" = 'none' and "oauth_clients"."read_again_at" is not null));