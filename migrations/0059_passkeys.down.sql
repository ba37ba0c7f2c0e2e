ALTER TABLE "sessions" DROP COLUMN "reauthenticated_at";--> statement-breakpoint
DELETE FROM "totp_credentials" WHERE "secret_encrypted" IS NULL;--> statement-breakpoint
ALTER TABLE "totp_credentials" ALTER COLUMN "secret_encrypted" SET NOT NULL;--> statement-breakpoint
DROP TABLE "passkey_challenges";--> statement-breakpoint
DROP TABLE "passkeys";--> statement-breakpoint
DROP TABLE "email_sign_ins";
