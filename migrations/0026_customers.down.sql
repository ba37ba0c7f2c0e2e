ALTER TABLE "invitations" DROP COLUMN "is_by_operator";--> statement-breakpoint
DROP INDEX "organizations_external_id_unique";--> statement-breakpoint
ALTER TABLE "organizations" DROP COLUMN "metadata";--> statement-breakpoint
ALTER TABLE "organizations" DROP COLUMN "email";--> statement-breakpoint
ALTER TABLE "organizations" DROP COLUMN "external_id";
