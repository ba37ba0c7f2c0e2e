ALTER TABLE "login_challenges" DROP COLUMN "first_factor";--> statement-breakpoint
DROP TABLE "sign_in_attempts";--> statement-breakpoint
DROP TABLE "identities";
