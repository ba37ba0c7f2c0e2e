-- What still waits here is erased by nobody afterwards: its raw events go with their partitions.
DROP TABLE "usage_erasures";
