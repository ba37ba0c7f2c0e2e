DROP TABLE "payment_reversals";
