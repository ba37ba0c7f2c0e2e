ALTER TABLE "organizations" DROP COLUMN "requires_two_factor";
