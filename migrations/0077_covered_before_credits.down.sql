create or replace function begin_credits(ids uuid[]) returns void language sql as $$
  insert into credit_accounts as a (organization_id, charged_before, began_at, updated_at)
  select o.id, coalesce((select sum(u.charge_usd - u.covered_usd) from usage_periods u where u.organization_id = o.id), 0), now(), now()
  from organizations o join plans p on p.id = o.plan_id
  where o.id = any(ids) and p.included_credits_usd > 0 and not o.is_platform
  on conflict (organization_id) do update set charged_before = excluded.charged_before, began_at = excluded.began_at, owed = 0
  where a.last_granted = 0
$$;
