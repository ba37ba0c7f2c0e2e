DROP INDEX "invitations_open_unique";--> statement-breakpoint
DROP INDEX "invitations_expiry";
