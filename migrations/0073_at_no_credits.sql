ALTER TABLE "credit_accounts" ADD COLUMN "owed" numeric(24, 9) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "plans" ADD COLUMN "at_no_credits" text DEFAULT 'block' NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_periods" ADD COLUMN "covered_usd" numeric(24, 9) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "plans" ADD CONSTRAINT "plans_at_no_credits" CHECK ("plans"."at_no_credits" in ('block', 'allow'));--> statement-breakpoint
-- Per account: what was charged beyond everything that was granted, until now and until the current usage period, and the
-- credits that a plan that goes on without any includes and has not granted yet. They pay for the current period alone.
create function charges_beyond_credits(ids uuid[], at timestamptz) returns table (account_id uuid, starts timestamptz, beyond numeric, earlier numeric, due numeric)
language sql stable as $$
  select a.organization_id, period.starts, charged.total - a.charged_before - a.granted, charged.earlier - a.charged_before - a.granted, included.due
  from credit_accounts a join organizations o on o.id = a.organization_id join plans p on p.id = o.plan_id
  cross join lateral (select usage_period_start(o.period_anchor, at) as starts) period
  cross join lateral (
    select coalesce(sum(u.charge_usd - u.covered_usd), 0) as total,
      coalesce(sum(u.charge_usd - u.covered_usd) filter (where u.period_start < period.starts), 0) as earlier
    from usage_periods u where u.organization_id = a.organization_id) charged
  cross join lateral (
    select case when p.at_no_credits = 'allow' then greatest(0, coalesce(p.included_credits_usd, 0) - coalesce(sum(g.amount - g.rolled_over), 0)) else 0 end as due
    from credit_grants g where g.organization_id = a.organization_id and g.source = 'plan' and g.period_start = period.starts) included
  where a.organization_id = any(ids)
$$;--> statement-breakpoint
-- Credits do not pay for charges beyond them: these are covered, in the latest usage periods first. What is owed since a plan that
-- refuses is not. The organizations are locked.
create function cover_charges(ids uuid[], at timestamptz) returns void language sql as $$
  with account as materialized (
    select c.account_id, c.starts, c.beyond, greatest(0, c.earlier - a.owed) as earlier, greatest(0, c.beyond - a.owed - c.due, c.earlier - a.owed) as uncovered
    from charges_beyond_credits(ids, at) c join credit_accounts a on a.organization_id = c.account_id
  ), room as materialized (
    select u.organization_id, u.period_start, a.uncovered,
      greatest(0, least(u.charge_usd - u.covered_usd, a.uncovered - case when u.period_start < a.starts then 0 else a.earlier end)) as room
    from account a join usage_periods u on u.organization_id = a.account_id where a.uncovered > 0
  ), share as materialized (
    select r.organization_id, r.period_start,
      least(r.room, r.uncovered - (sum(r.room) over (partition by r.organization_id order by r.period_start desc) - r.room)) as covered
    from room r
  ), locked as materialized (
    select u.organization_id, u.period_start, s.covered
    from usage_periods u join share s on s.organization_id = u.organization_id and s.period_start = u.period_start
    where s.covered > 0 order by u.organization_id, u.period_start for no key update of u
  ), paid as (
    update credit_accounts k set owed = greatest(0, a.beyond)
    from account a where k.organization_id = a.account_id and k.owed > greatest(0, a.beyond)
  )
  update usage_periods u set covered_usd = u.covered_usd + l.covered
  from locked l where u.organization_id = l.organization_id and u.period_start = l.period_start
$$;--> statement-breakpoint
-- On the way from a plan that refuses to one that goes on: what was charged beyond the credits until now stays owed.
create function keep_owed(ids uuid[], at timestamptz) returns void language sql as $$
  update credit_accounts a set owed = greatest(0, c.earlier, c.beyond - c.due)
  from charges_beyond_credits(ids, at) c where a.organization_id = c.account_id and a.last_granted > 0
$$;--> statement-breakpoint
create function at_no_credits_of_organization() returns trigger language plpgsql as $$
declare before text := (select p.at_no_credits from plans p where p.id = old.plan_id);
declare after text := (select p.at_no_credits from plans p where p.id = new.plan_id);
begin
  if before = 'allow' and after = 'block' then perform cover_charges(array[new.id], now()); end if;
  if before = 'block' and after = 'allow' then perform keep_owed(array[new.id], now()); end if;
  return null;
end $$;--> statement-breakpoint
create trigger organizations_no_credits after update of plan_id on organizations
for each row when (old.plan_id is distinct from new.plan_id) execute function at_no_credits_of_organization();--> statement-breakpoint
create function at_no_credits_of_plan() returns trigger language plpgsql as $$
declare ids uuid[];
begin
  -- locked as by everything that pays charges, or the same charge would be covered twice
  ids := array(select o.id from organizations o join credit_accounts a on a.organization_id = o.id
    where o.plan_id = new.id order by o.id for no key update of o);
  if new.at_no_credits = 'block' then perform cover_charges(ids, now()); else perform keep_owed(ids, now()); end if;
  return null;
end $$;--> statement-breakpoint
create trigger plans_no_credits after update of at_no_credits on plans
for each row when (old.at_no_credits <> new.at_no_credits) execute function at_no_credits_of_plan();--> statement-breakpoint
-- Charges that were covered are no charges before the credits began: they would count twice.
create or replace function begin_credits(ids uuid[]) returns void language sql as $$
  insert into credit_accounts as a (organization_id, charged_before, began_at, updated_at)
  select o.id, coalesce((select sum(u.charge_usd - u.covered_usd) from usage_periods u where u.organization_id = o.id), 0), now(), now()
  from organizations o join plans p on p.id = o.plan_id
  where o.id = any(ids) and p.included_credits_usd > 0 and not o.is_platform
  on conflict (organization_id) do update set charged_before = excluded.charged_before, began_at = excluded.began_at, owed = 0
  where a.last_granted = 0
$$;
