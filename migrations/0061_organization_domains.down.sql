DROP TABLE "removed_members";--> statement-breakpoint
DROP TABLE "organization_domains";
