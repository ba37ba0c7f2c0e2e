import type { Client } from 'pg'
import { COUNTER_COLUMNS } from '../../src/db/schema/meters.ts'
import { LATENCY_BOUNDS_MS, LATENCY_COLUMNS } from '../../src/db/schema/shapes.ts'
import { DIMENSIONS } from '../../src/metering/dimensions.ts'
import { SUM_COLUMNS, SUMS } from '../../src/usage/analytics/columns.ts'

/** The organization that has four of five events; the rest is spread over 1,000 others. */
export const LARGE = '01990000-0000-7000-8000-000000000001'

/** SQL: the id of one of the others, by its number. */
export const otherId = (number: string) => `('01990000-0000-7000-9000-' || lpad((${number})::text, 12, '0'))::uuid`

const DIMENSION_COLUMNS = 'key_id, environment, endpoint, status_code, provider, model, route'
const COLUMNS = SUM_COLUMNS.join(', ')
const NO_KEY = '00000000-0000-0000-0000-000000000000'

/** Runs all tasks, two at a time: the machine has two processors. */
export async function inPairs(clients: readonly Client[], tasks: readonly string[]): Promise<void> {
  const waiting = [...tasks]
  await Promise.all(
    clients.map(async (client) => {
      for (let task = waiting.shift(); task; task = waiting.shift()) await client.query(task)
    }),
  )
}

/**
 * Events over the 365 days before `end`: 50 endpoints, half of which use one or two of eight models, 20 keys, both with
 * a few favorites, and statuses, routes and environments. Dimensions are drawn independently, which is hard on
 * the roll-ups: the hourly one has almost as many rows as there are events.
 */
export function eventTasks(events: number, end: Date): string[] {
  const step = 500_000
  const starts = Array.from({ length: Math.ceil(events / step) }, (_, at) => at * step)
  return starts.map((first) => {
    const last = Math.min(first + step, events) - 1
    return `
insert into usage_events (organization_id, id, occurred_at, key_id, environment, endpoint, method, status_code,
  response_time_ms, api_calls, input_tokens, output_tokens, provider, model, cost_usd, charge_usd, route, ip, user_agent)
select case when o < 0.8 then '${LARGE}'::uuid else ${otherId('floor((o - 0.8) * 5000)::int')} end,
  gen_random_uuid()::text, timestamptz '${end.toISOString()}' - interval '365 days' * (1 - i / ${events}.0),
  ('01990000-0000-7000-a000-' || lpad(k::text, 12, '0'))::uuid, case when k < 17 then 'live' else 'test' end,
  '/v1/resources/' || e, case when e % 3 = 0 then 'POST' else 'GET' end,
  case when s < 0.95 then 200 when s < 0.97 then 400 when s < 0.985 then 429 when s < 0.995 then 500 else 201 end,
  (exp(2.5 + 3 * t * t) * 3)::int, 1, case when m then (t * 4000)::int else 0 end, case when m then (t * 900)::int else 0 end,
  case when m then 'provider-' || (e + v) % 3 else '' end, case when m then 'model-' || (e + v) % 8 else '' end,
  case when m then round((t * 0.02)::numeric, 6) end, case when m then round((t * 0.02)::numeric, 6) end, case when v = 1 then 'fallback' when t < 0.2 then 'cache' else 'direct' end,
  '203.0.113.7', 'example-client/1.4'
from (
  select i, random() as o, (20 * random() * random())::int as k, (49 * random() * random())::int as e, random() as s,
    random() as t, (random() < 0.2)::int as v, random() as u
  from generate_series(${first}, ${last}) as i offset 0
) as drawn, lateral (select e < 25 as m) as model`
  })
}

/** The hourly roll-up of each span, as the write statement would have filled it. */
export function hourlyTasks(bounds: readonly string[]): string[] {
  return bounds.slice(1).map(
    (to, at) => `
insert into usage_hourly (organization_id, hour, ${DIMENSION_COLUMNS}, ${COLUMNS})
select organization_id, date_trunc('hour', occurred_at, 'UTC'), coalesce(key_id, '${NO_KEY}'), environment, endpoint,
  status_code, provider, model, route, sum(requests),
  coalesce(sum(requests) filter (where status_code >= 400 or error_code is not null), 0), sum(api_calls), sum(queries),
  sum(input_tokens), sum(output_tokens), sum(cached_tokens), coalesce(sum(charge_usd), 0), coalesce(sum(cost_usd), 0),
  count(*) filter (where model <> '' and cost_usd is null), sum(response_time_ms), count(response_time_ms),
  ${LATENCY_COLUMNS.map((_, bucket) => `count(*) filter (where latency = ${bucket})`).join(', ')}
from (select *, width_bucket(response_time_ms - 1, '{${LATENCY_BOUNDS_MS.join(',')}}'::integer[]) as latency
  from usage_events where occurred_at >= '${bounds[at]}' and occurred_at < '${to}') as e
group by 1, 2, 3, 4, 5, 6, 7, 8, 9 order by 2, 1`,
  )
}

/** All other roll-ups, from the hourly one. */
export function rollUpTasks(): string[] {
  const slices = Object.entries(DIMENSIONS).map(
    ([dimension, value]) => `
insert into usage_slices (organization_id, dimension, value, hour, ${COLUMNS})
select organization_id, '${dimension}', ${value}, hour, ${SUMS} from usage_hourly where ${value} <> '' group by 1, 3, 4`,
  )
  return [
    `insert into usage_totals (organization_id, hour, ${COLUMNS})
     select organization_id, hour, ${SUMS} from usage_hourly group by 1, 2 order by 2, 1`,
    ...slices,
  ]
}

/** Rows that are derived from the roll-ups. */
export function lastTasks(events: number): string[] {
  const counts = ['requests', 'errors', ...COUNTER_COLUMNS]
  return [
    `insert into usage_daily_slices (organization_id, dimension, day, value, ${COLUMNS})
     select organization_id, dimension, (hour at time zone 'UTC')::date, value, ${SUMS} from usage_slices group by 1, 2, 3, 4 order by 3`,
    `insert into usage_periods (organization_id, period_start, ${counts.join(', ')})
     select organization_id, date_trunc('month', hour, 'UTC'), ${counts.map((name) => `sum(${name})`).join(', ')} from usage_totals group by 1, 2`,
    `insert into usage_dedupe (organization_id, key, payload_hash)
     select '${LARGE}', sha256(i::text::bytea), sha256(i::text::bytea) from generate_series(1, ${Math.round(events / 10)}) as i`,
  ]
}

/** Rows that the operator's overview counts: keys, verdicts of a year, deliveries and emails. */
export function overviewTasks(end: Date): string[] {
  const at = `timestamptz '${end.toISOString()}'`
  return [
    `insert into api_keys (id, organization_id, name, key_hash, key_prefix, key_hint, environment)
     select gen_random_uuid(), id, 'Key ' || n, sha256((id::text || n)::bytea), 'ck', 'ck', 'live' from organizations, generate_series(1, 20) as n`,
    `insert into usage_verdicts (day, organization_id, code, requests)
     select (${at} - make_interval(days => n))::date, id, code, 10
     from organizations, generate_series(0, 364) as n, unnest('{VALID,RATE_LIMITED,QUOTA_EXCEEDED}'::text[]) as code`,
    `insert into webhook_endpoints (id, organization_id, url, secret) select id, id, 'https://hooks.example.com/', '' from organizations`,
    `insert into webhook_deliveries (id, organization_id, endpoint_id, event_id, type, payload, state, created_at)
     select gen_random_uuid(), id, id, 'event', 'test', '{}', case when n % 100 = 0 then 'failed' else 'delivered' end, ${at} - make_interval(hours => n)
     from organizations, generate_series(0, 300) as n`,
    `insert into mail_outbox (id, recipient, subject, sent_at, created_at)
     select gen_random_uuid(), 'a@example.com', 'x', case when n % 100 > 0 then ${at} end, ${at} - make_interval(mins => n) from generate_series(1, 50000) as n`,
    'vacuum analyze api_keys, usage_verdicts, webhook_deliveries, mail_outbox, organizations',
  ]
}
