ALTER TABLE "api_keys" DROP COLUMN "rotated_from";--> statement-breakpoint
ALTER TABLE "api_keys" DROP COLUMN "replaced_by";--> statement-breakpoint
ALTER TABLE "api_keys" DROP COLUMN "leaked_at";
