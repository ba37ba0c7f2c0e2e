ALTER TABLE "subscriptions" DROP COLUMN "pause_at_period_end";
