drop trigger plans_no_credits on plans;--> statement-breakpoint
drop trigger organizations_no_credits on organizations;--> statement-breakpoint
drop function at_no_credits_of_plan();--> statement-breakpoint
drop function at_no_credits_of_organization();--> statement-breakpoint
drop function keep_owed(uuid[], timestamptz);--> statement-breakpoint
drop function cover_charges(uuid[], timestamptz);--> statement-breakpoint
drop function charges_beyond_credits(uuid[], timestamptz);--> statement-breakpoint
-- What was covered stays unpaid by credits.
update credit_accounts a set charged_before = a.charged_before + (
  select coalesce(sum(u.covered_usd), 0) from usage_periods u where u.organization_id = a.organization_id);--> statement-breakpoint
create or replace function begin_credits(ids uuid[]) returns void language sql as $$
  insert into credit_accounts as a (organization_id, charged_before, began_at, updated_at)
  select o.id, coalesce((select sum(u.charge_usd) from usage_periods u where u.organization_id = o.id), 0), now(), now()
  from organizations o join plans p on p.id = o.plan_id
  where o.id = any(ids) and p.included_credits_usd > 0 and not o.is_platform
  on conflict (organization_id) do update set charged_before = excluded.charged_before, began_at = excluded.began_at
  where a.last_granted = 0
$$;--> statement-breakpoint
ALTER TABLE "plans" DROP CONSTRAINT "plans_at_no_credits";--> statement-breakpoint
ALTER TABLE "usage_periods" DROP COLUMN "covered_usd";--> statement-breakpoint
ALTER TABLE "plans" DROP COLUMN "at_no_credits";--> statement-breakpoint
ALTER TABLE "credit_accounts" DROP COLUMN "owed";
