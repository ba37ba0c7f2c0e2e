ALTER TABLE "subscriptions" DROP COLUMN "refunded_charges";
