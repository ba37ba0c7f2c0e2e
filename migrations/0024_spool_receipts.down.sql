DROP TABLE "usage_spool_receipts";
