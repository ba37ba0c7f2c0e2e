ALTER TABLE "login_challenges" DROP COLUMN "sso_connection_id";--> statement-breakpoint
ALTER TABLE "sessions" DROP COLUMN "sso_connection_id";--> statement-breakpoint
DROP TABLE "sso_connections";
