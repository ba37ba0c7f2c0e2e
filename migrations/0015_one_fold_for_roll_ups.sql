-- The write statement keeps the slices from here on, as it keeps every other roll-up. They are whole already: the triggers
-- followed every row until now.
drop trigger usage_hourly_updated on usage_hourly;
--> statement-breakpoint
drop trigger usage_hourly_inserted on usage_hourly;
--> statement-breakpoint
drop function slice_changed_usage();
--> statement-breakpoint
drop function slice_new_usage();
--> statement-breakpoint
drop function add_usage_slices(usage_hourly[], usage_hourly[]);
--> statement-breakpoint
-- Whatever it says is in usage_hourly too.
drop table usage_daily;
