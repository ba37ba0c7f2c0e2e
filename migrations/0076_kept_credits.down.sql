-- Per account: what was charged beyond everything that was granted, until now and until the current usage period, and the
-- credits that a plan that goes on without any includes and has not granted yet. They pay for the current period alone.
create or replace function charges_beyond_credits(ids uuid[], at timestamptz) returns table (account_id uuid, starts timestamptz, beyond numeric, earlier numeric, due numeric)
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
create or replace function cover_charges(ids uuid[], at timestamptz) returns void language sql as $$
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
ALTER TABLE "credit_grants" DROP COLUMN "kept";--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" DROP CONSTRAINT "billing_usage_ledger_invoice_state";--> statement-breakpoint
DROP INDEX "billing_usage_ledger_invoices";--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" DROP COLUMN "invoice_checked_at";--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" DROP COLUMN "invoice_state";--> statement-breakpoint
ALTER TABLE "billing_usage_ledger" DROP COLUMN "invoice_id";
