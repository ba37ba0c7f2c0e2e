import type { Sql } from '../../db/client.ts'
import { familyIn } from '../../db/plan-version.ts'
import { readTogether } from '../../usage/analytics/read.ts'

/** In catalog order; a plan without organizations has zeros. */
const CUSTOMERS = `
select ${familyIn('p.id')} as plan, count(o.id)::int as total, count(o.suspended_at)::int as suspended,
  count(*) filter (where o.created_at >= $1::timestamptz - interval '30 days')::int as new
from plans p left join organizations o on o.plan_id = p.id and not o.is_platform
group by 1 order by min(p.sort_order) filter (where p.replaced_at is null), 1`

/** Keys that would pass verification, apart from limits and the request's own conditions. */
const KEYS = `
select count(*)::int as active from api_keys k join organizations o on o.id = k.organization_id
where (k.revoked_at is null or k.revoked_at > $1) and k.is_active and (k.expires_at is null or k.expires_at > $1)
  and o.suspended_at is null and not o.is_platform`

const VERDICTS = `
select code, coalesce(sum(requests) filter (where day = $2), 0)::float8 as today, sum(requests)::float8 as month
from usage_verdicts where day >= $1 and day <= $2 group by 1 order by 1`

/** The list price of a subscription `s` of a plan `p` per interval, with its seats and add-ons. */
const COST = `select coalesce((
  select coalesce((price->>'amount_cents')::numeric, 0)
    + greatest(coalesce(s.seats, 0) - coalesce((p.seats->>'included')::int, 0), 0) * coalesce((price->>'seat_amount_cents')::numeric, 0)
  from jsonb_array_elements(p.prices) as price where price->>'interval' = s.interval and price->>'currency' = s.currency limit 1), 0)
  + coalesce((
  select sum(coalesce((price->>'amount_cents')::numeric, 0) * (s.addons->>(addon->>'id'))::int)
  from jsonb_array_elements(p.addons) as addon, jsonb_array_elements(addon->'prices') as price
  where s.addons ? (addon->>'id') and price->>'interval' = s.interval and price->>'currency' = s.currency), 0) as cents`

/** The subscriptions that determine an organization's plan and are paid, or will be. */
const SUBSCRIPTIONS = `
select ${familyIn('p.id')} as plan, s.currency,
  coalesce(round(sum(cost.cents / case s.interval when 'year' then 12 else 1 end) filter (where s.status <> 'trialing')), 0)::float8 as per_month_cents, count(*) filter (where s.status = 'active')::int as active,
  count(*) filter (where s.status = 'trialing')::int as trialing, count(*) filter (where s.status = 'past_due')::int as past_due
from subscriptions s join plans p on p.id = s.plan_id
cross join lateral (${COST}) as cost
where s.is_current and s.status in ('active', 'trialing', 'past_due') and s.ended_at is null
group by 1, 2 order by min(p.sort_order), 1, 2`

const LEDGER = `
select state, count(*)::int as rows, sum(amount_micro_usd)::text as micro_usd from billing_usage_ledger
where state in ('pending', 'refused', 'unknown') group by 1`

const DELIVERIES = `
select (select count(*) from webhook_deliveries where next_attempt_at is not null)::int as waiting,
  count(*) filter (where created_at >= $1::timestamptz - interval '1 day')::int as day, count(*)::int as month
from webhook_deliveries where state = 'failed' and created_at >= $1::timestamptz - interval '30 days'`

const MAILS = `
select (select count(*) from mail_outbox where next_attempt_at is not null)::int as waiting,
  count(*) filter (where created_at >= $1::timestamptz - interval '1 day')::int as day, count(*)::int as month
from mail_outbox where next_attempt_at is null and sent_at is null and created_at >= $1::timestamptz - interval '30 days'`

const FOLDED = 'select extract(epoch from folded_until)::float8 * 1000 as until from usage_platform_progress'

interface Customers {
  readonly plan: string
  readonly total: number
  readonly suspended: number
  readonly new: number
}

interface Verdicts {
  readonly code: string
  readonly today: number
  readonly month: number
}

interface Subscriptions {
  readonly plan: string
  readonly currency: string
  readonly per_month_cents: number
  readonly active: number
  readonly trialing: number
  readonly past_due: number
}

interface Ledger {
  readonly state: 'pending' | 'refused' | 'unknown'
  readonly rows: number
  readonly micro_usd: string
}

/** How many are waiting to be sent, and how many were given up in the last day and the last 30 days. */
interface Sending {
  readonly waiting: number
  readonly day: number
  readonly month: number
}

/**
 * Reads everything in the overview that comes from Postgres, as one snapshot in one batch.
 *
 * @param days the first day of the month, and today
 */
export async function readOverview(sql: Sql, at: string, days: readonly [first: string, today: string]) {
  const [customers, keys, verdicts, subscriptions, ledger, deliveries, mails, folded] = (await readTogether(sql, [
    sql.query(CUSTOMERS, [at]),
    sql.query(KEYS, [at]),
    sql.query(VERDICTS, [...days]),
    sql.query(SUBSCRIPTIONS),
    sql.query(LEDGER),
    sql.query(DELIVERIES, [at]),
    sql.query(MAILS, [at]),
    sql.query(FOLDED),
  ])) as [
    Customers[],
    [{ active: number }],
    Verdicts[],
    Subscriptions[],
    Ledger[],
    [Sending],
    [Sending],
    [{ until: number }],
  ]
  return {
    customers,
    activeKeys: keys[0].active,
    verdicts,
    subscriptions,
    ledger,
    deliveries: deliveries[0],
    mails: mails[0],
    foldedUntil: folded[0].until,
  }
}
