drop trigger plans_begin_credits on plans;--> statement-breakpoint
drop trigger organizations_begin_credits on organizations;--> statement-breakpoint
drop function begin_credits_of_plan();--> statement-breakpoint
drop function begin_credits_of_organization();--> statement-breakpoint
drop function begin_credits(uuid[]);--> statement-breakpoint
delete from credit_accounts where last_granted = 0;--> statement-breakpoint
alter table credit_accounts drop column began_at;
