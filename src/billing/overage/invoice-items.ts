import type { Sql } from '../../db/client.ts'

/** An invoice contains only items that were added before its period ended. A renewal this close takes the waiting rows. */
const BEFORE_RENEWAL = `interval '10 minutes'`
/** Overage that no renewal takes within this time gets its own invoice. */
const MAX_WAIT = `interval '35 days'`
/** Late usage arrives until then and is added to the same invoice. */
const SETTLING = `interval '1 day'`

/** Parameters: `$1`, the time; `$2`, whether to look for rows that need their own invoice as well. */
const DUE = `
select l.organization_id, l.provider_customer_id, l.period_start, l.meter, s.provider_subscription_id
from subscriptions s
join billing_usage_ledger l on l.organization_id = s.organization_id and l.provider_customer_id = s.provider_customer_id
where s.provider = 'stripe' and s.is_current and s.ended_at is null and not s.cancel_at_period_end
  and s.status in ('trialing', 'active', 'past_due', 'unpaid')
  and s.current_period_end > $1::timestamptz and s.current_period_end <= $1::timestamptz + ${BEFORE_RENEWAL}
  and l.provider = 'stripe' and l.state = 'pending' and l.charged_with is null
group by 1, 2, 3, 4, 5
union all
select l.organization_id, l.provider_customer_id, l.period_start, l.meter, null
from billing_usage_ledger l
left join organizations o on o.id = l.organization_id
left join subscriptions s on s.organization_id = l.organization_id and s.provider_customer_id = l.provider_customer_id
  and s.provider = 'stripe' and s.is_current and s.ended_at is null and s.status <> 'canceled'
where $2 and l.provider = 'stripe' and l.state = 'pending' and l.charged_with is null
group by 1, 2, 3, 4, o.period_anchor, s.id
having min(l.created_at) <= $1::timestamptz - ${SETTLING} and (s.id is null
  or (s.cancel_at_period_end or s.current_period_end > $1::timestamptz + ${MAX_WAIT})
    and usage_period_start(o.period_anchor, l.period_start + interval '32 days') <= $1::timestamptz - ${SETTLING})`

/**
 * Creates invoice items from waiting rows if an invoice is due soon. An item charges the cents by which the price of its
 * period, over all meters, has grown since the previous item. Fractions carry over from item to item, so a period's items
 * add up to its price, rounded once. An item of zero cents is done; the next one charges its fraction.
 */
const MAKE_ITEMS = `
with due as (${DUE}), members as (
  select l.identifier, l.amount_micro_usd, l.organization_id, l.period_start, d.provider_subscription_id,
    first_value(l.identifier) over (
      partition by l.organization_id, l.provider_customer_id, l.period_start, l.meter order by l.from_units) as leader
  from due d join billing_usage_ledger l using (organization_id, provider_customer_id, period_start, meter)
  where l.provider = 'stripe' and l.state = 'pending' and l.charged_with is null
), items as (
  select leader, organization_id, period_start, sum(amount_micro_usd) as micro from members group by 1, 2, 3
), totals as (
  select i.leader, i.organization_id, i.period_start, charged.cents,
    greatest(charged.cents, round((charged.micro
      + sum(i.micro) over (partition by i.organization_id, i.period_start order by i.leader)) / 10000)) as due
  from items i cross join lateral (
    select coalesce(sum(m.amount_micro_usd), 0) as micro,
      coalesce(sum(m.amount_cents), 0) as cents
    from billing_usage_ledger m join billing_usage_ledger leads on leads.identifier = m.charged_with
    where m.organization_id = i.organization_id and m.period_start = i.period_start and leads.amount_cents is not null) charged
), amounts as (
  select leader, due - lag(due, 1, cents) over (partition by organization_id, period_start order by leader) as cents from totals
)
update billing_usage_ledger l set charged_with = m.leader, provider_subscription_id = m.provider_subscription_id,
  amount_cents = case when l.identifier = m.leader then a.cents end,
  state = case when a.cents = 0 then 'sent' else l.state end,
  sent_at = case when a.cents = 0 then $1::timestamptz end
from members m join amounts a using (leader) where l.identifier = m.identifier`

/**
 * Only one run at a time. An item consists of the rows that existed when it was created, and never changes.
 *
 * @param look.at Unix milliseconds
 */
export async function makeInvoiceItems(sql: Sql, { at, isFull }: { at: number; isFull: boolean }): Promise<void> {
  await sql.transaction([
    sql.query(`select pg_advisory_xact_lock(hashtext('billing_invoice_items'))`),
    sql.query(MAKE_ITEMS, [new Date(at).toISOString(), isFull]),
  ])
}
