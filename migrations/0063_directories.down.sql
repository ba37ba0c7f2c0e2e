DROP TABLE "directory_group_members";--> statement-breakpoint
DROP TABLE "directory_groups";--> statement-breakpoint
DROP TABLE "directory_users";--> statement-breakpoint
DROP TABLE "directories";
