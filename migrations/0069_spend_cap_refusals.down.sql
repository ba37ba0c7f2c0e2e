ALTER TABLE "spend_caps" DROP COLUMN "refused_period";
