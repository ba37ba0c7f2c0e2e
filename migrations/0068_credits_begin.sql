ALTER TABLE "credit_accounts" ADD COLUMN "began_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
update credit_accounts a set began_at = g.first from (
  select organization_id, min(created_at) as first from credit_grants group by 1
) g where g.organization_id = a.organization_id;--> statement-breakpoint
-- Credits of a plan pay for what is charged from the change of plan on, not from the first run of the job.
create function begin_credits(ids uuid[]) returns void language sql as $$
  insert into credit_accounts as a (organization_id, charged_before, began_at, updated_at)
  select o.id, coalesce((select sum(u.charge_usd) from usage_periods u where u.organization_id = o.id), 0), now(), now()
  from organizations o join plans p on p.id = o.plan_id
  where o.id = any(ids) and p.included_credits_usd > 0 and not o.is_platform
  on conflict (organization_id) do update set charged_before = excluded.charged_before, began_at = excluded.began_at
  where a.last_granted = 0
$$;--> statement-breakpoint
create function begin_credits_of_organization() returns trigger language plpgsql as $$
begin
  -- from one plan with credits to another, or written as it was, what was charged meanwhile is still to be paid
  if tg_op = 'UPDATE' and exists (select from plans p where p.id = old.plan_id and p.included_credits_usd > 0) then
    return null;
  end if;
  perform begin_credits(array[new.id]);
  return null;
end $$;--> statement-breakpoint
create trigger organizations_begin_credits after insert or update of plan_id on organizations
for each row execute function begin_credits_of_organization();--> statement-breakpoint
create function begin_credits_of_plan() returns trigger language plpgsql as $$
begin
  perform begin_credits(array(select o.id from organizations o where o.plan_id = new.id));
  return null;
end $$;--> statement-breakpoint
create trigger plans_begin_credits after update of included_credits_usd on plans
for each row when (new.included_credits_usd > 0 and coalesce(old.included_credits_usd, 0) = 0)
execute function begin_credits_of_plan();--> statement-breakpoint
select begin_credits(array(select o.id from organizations o where not exists (
  select from credit_accounts a where a.organization_id = o.id)));
