CREATE OR REPLACE FUNCTION complete_requests_1(jsonb) RETURNS TABLE (completed integer, waiting integer) LANGUAGE plpgsql AS $function$
#variable_conflict use_column
BEGIN RETURN QUERY 
with waiting as materialized (
  select c.*, coalesce(r.event_id, c.request_id) as event_id, r.event_id is null as is_own from (select c.* from usage_completions c
  join jsonb_to_recordset($1::jsonb) as named(organization_id uuid, request_id text)
  on named.organization_id = c.organization_id and named.request_id = c.request_id) as c
  left join usage_request_ids r on r.organization_id = c.organization_id and r.request_id = c.request_id
), located as materialized (
  select w.*, coalesce(case when w.is_own then coalesce((select e.occurred_at from usage_events e
    where e.organization_id = w.organization_id and e.id = w.event_id and date_trunc('milliseconds', e.occurred_at) = e.occurred_at
      and e.occurred_at between (timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond') - interval '0' and (timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond') + interval '0' limit 1), (select e.occurred_at from usage_events e
    where e.organization_id = w.organization_id and e.id = w.event_id and date_trunc('milliseconds', e.occurred_at) = e.occurred_at
      and e.occurred_at between (timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond') - interval '0' and (timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond') + interval '250 milliseconds' limit 1), (select e.occurred_at from usage_events e
    where e.organization_id = w.organization_id and e.id = w.event_id and date_trunc('milliseconds', e.occurred_at) = e.occurred_at
      and e.occurred_at between (timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond') - interval '2 seconds' and (timestamptz 'epoch' + ('x' || translate(left(w.request_id, 13), '-', ''))::bit(48)::bigint * interval '1 millisecond') + interval '30 seconds' limit 1)) end, (select d.occurred_at from (
    select d.* from usage_dedupe d where d.organization_id = w.organization_id and d.key = sha256(convert_to('verification ' || w.event_id, 'UTF8')) order by d.generation limit 1) as d)) as happened_at
  from waiting w
), found as materialized (
  select e.*, w.request_id, w.created_at, coalesce(nullif(w.status_code, 0), e.status_code) as to_status_code,
    coalesce(nullif(w.provider, ''), e.provider) as to_provider, coalesce(nullif(w.model, ''), e.model) as to_model,
    coalesce(nullif(w.route, ''), e.route) as to_route
  from located w
  join usage_events e on e.organization_id = w.organization_id and e.occurred_at = w.happened_at and e.id = w.event_id
), generations as materialized (
  select distinct usage_dedupe_generation(moment) as generation
  from (values (now()), (now() - interval '10 minutes')) as claimed(moment)
), claims as (
  insert into usage_dedupe (organization_id, key, payload_hash, occurred_at, generation)
  select id.*, g.generation from (select distinct organization_id, sha256(convert_to('completed ' || id, 'UTF8')), sha256(''), null::timestamptz
    from found where error_code is null) as id(organization_id, key, payload_hash, occurred_at) cross join generations g
    left join lateral (select d.* from usage_dedupe d where d.organization_id = id.organization_id and d.key = id.key order by d.generation limit 1) as known on true
  where known.generation is null order by 1, 2, 5
  on conflict do nothing
  returning organization_id, key
), claimed as (
  select organization_id, key from claims group by 1, 2 having count(*) = (select count(*) from generations)
), moved as materialized (
  select distinct on (f.organization_id, f.id) f.* from found f
  join claimed c on c.organization_id = f.organization_id and c.key = sha256(convert_to('completed ' || f.id, 'UTF8'))
  order by f.organization_id, f.id, f.created_at, f.request_id
), events as (
  update usage_events e set status_code = m.to_status_code, provider = m.to_provider, model = m.to_model, route = m.to_route
  from moved m where e.organization_id = m.organization_id and e.occurred_at = m.occurred_at and e.id = m.id
), done as (
  delete from usage_completions c using found f where c.organization_id = f.organization_id and c.request_id = f.request_id
), tried as (
  update usage_completions c set tried_at = now() from waiting w where c.organization_id = w.organization_id and c.request_id = w.request_id
    and not exists (select 1 from found f where f.organization_id = w.organization_id and f.request_id = w.request_id)
), deltas as materialized (
  select organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route, sum(requests) as requests, sum(api_calls) as api_calls, sum(charge_usd) as charge_usd from (select organization_id, date_trunc('hour', occurred_at, 'UTC') as hour, coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id,
    environment, endpoint, status_code, provider, model, route, -coalesce(requests, 0) as requests, -coalesce(api_calls, 0) as api_calls, -coalesce(charge_usd, 0) as charge_usd from moved union all select organization_id, date_trunc('hour', occurred_at, 'UTC') as hour, coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id,
    environment, endpoint, to_status_code as status_code, to_provider as provider, to_model as model, to_route as route, coalesce(requests, 0) as requests, coalesce(api_calls, 0) as api_calls, coalesce(charge_usd, 0) as charge_usd from moved) as placed group by organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route
), 
late as (
  insert into usage_late_hours (hour)
  select distinct hour from deltas where hour < date_trunc('hour', now() - interval '2 minutes', 'UTC')
), slices as materialized (
  select organization_id, dimension, value, hour, sum(requests) as requests, sum(api_calls) as api_calls, sum(charge_usd) as charge_usd from deltas, lateral (values ('status', coalesce(nullif(status_code, 0)::text, '')), ('provider', provider), ('model', model), ('route', route)) as slice(dimension, value) where value <> '' group by organization_id, dimension, value, hour
), hourly as (
  insert into usage_hourly as known (organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route, requests, api_calls, charge_usd) select organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route, requests, api_calls, charge_usd from deltas order by organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route
  on conflict (organization_id, hour, key_id, environment, endpoint, status_code, provider, model, route) do update set requests = known.requests + excluded.requests, api_calls = known.api_calls + excluded.api_calls, charge_usd = known.charge_usd + excluded.charge_usd
), meter_hours as (
  insert into usage_meter_hourly as known (organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route, amount) select organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route, amount from (select organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route, sum(amount) as amount from (select moved.organization_id, date_trunc('hour', occurred_at, 'UTC') as hour, m.slug as meter, coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id,
    environment, endpoint, status_code, provider, model, route, -round(quantity.value::numeric, m.scale) as amount
  from moved cross join lateral jsonb_each_text(moved.quantities) as quantity(slug, value) join meters m on m.slug = quantity.slug and m.kind = 'counter' union all select moved.organization_id, date_trunc('hour', occurred_at, 'UTC') as hour, m.slug as meter, coalesce(key_id, '00000000-0000-0000-0000-000000000000') as key_id,
    environment, endpoint, to_status_code as status_code, to_provider as provider, to_model as model, to_route as route, round(quantity.value::numeric, m.scale) as amount
  from moved cross join lateral jsonb_each_text(moved.quantities) as quantity(slug, value) join meters m on m.slug = quantity.slug and m.kind = 'counter') as placed group by organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route) as sums order by organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route
  on conflict (organization_id, hour, meter, key_id, environment, endpoint, status_code, provider, model, route) do update set amount = known.amount + excluded.amount
), hourly_slices as (
  insert into usage_slices as known (organization_id, dimension, value, hour, requests, api_calls, charge_usd) select organization_id, dimension, value, hour, requests, api_calls, charge_usd from slices order by organization_id, dimension, value, hour
  on conflict (organization_id, dimension, value, hour) do update set requests = known.requests + excluded.requests, api_calls = known.api_calls + excluded.api_calls, charge_usd = known.charge_usd + excluded.charge_usd
), daily_slices as (
  insert into usage_daily_slices as known (organization_id, dimension, day, value, requests, api_calls, charge_usd) select organization_id, dimension, day, value, requests, api_calls, charge_usd from (select organization_id, dimension, day, value, sum(requests) as requests, sum(api_calls) as api_calls, sum(charge_usd) as charge_usd from (select *, (hour at time zone 'UTC')::date as day from slices) as dated group by organization_id, dimension, day, value) as days order by organization_id, dimension, day, value
  on conflict (organization_id, dimension, day, value) do update set requests = known.requests + excluded.requests, api_calls = known.api_calls + excluded.api_calls, charge_usd = known.charge_usd + excluded.charge_usd
)
select (select count(*) from moved)::int as completed, (select count(*) from waiting)::int - (select count(*) from found)::int as waiting;
END $function$;--> statement-breakpoint
DROP FUNCTION complete_requests_2(jsonb);--> statement-breakpoint
DROP FUNCTION record_usage_3(jsonb);--> statement-breakpoint
ALTER TABLE "usage_completions" DROP COLUMN "report_at";--> statement-breakpoint
ALTER TABLE "usage_completions" DROP COLUMN "report_id";--> statement-breakpoint
ALTER TABLE "usage_completions" DROP COLUMN "is_error";
