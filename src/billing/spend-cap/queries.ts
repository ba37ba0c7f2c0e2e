import { eq, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { overageTerms } from '../../db/overage-terms.ts'
import { spendCaps } from '../../db/schema/credits.ts'
import { organizations } from '../../db/schema/organizations.ts'
import { USED_UNITS } from '../overage/queries.ts'

export type CapRow = {
  readonly cost_usd: string | null
  readonly action: 'block' | 'alert' | null
  readonly used: string
}

/** What `units` above a limit cost, by graduated prices. What cannot be read costs nothing, as it is not billed. */
const priceOf = (tiers: string, units: string) => `(
  select round(sum(greatest(0, least(${units}, coalesce(s.up_to, ${units})) - s.since) * s.price), 9) from (
    select up_to, price, coalesce(lag(up_to) over (order by at), 0) as since from (
      select x.at, case when x.tier->>'up_to' ~ '^[0-9]{1,18}$' then (x.tier->>'up_to')::numeric end as up_to,
        case when x.tier->>'unit_price_usd' ~ '^[0-9]{1,18}([.][0-9]{1,18})?$' then (x.tier->>'unit_price_usd')::numeric end as price
      from jsonb_array_elements(${tiers}) with ordinality x(tier, at)) read) s)`

/**
 * What `o` on the plan `p` owes for use above limits in the period that begins at `starts`, by the period's terms or by the
 * ledger, whichever is more. Of a period that has ended, at `ends`, only the ledger counts. Charges above a limit are no part of
 * it: they count as charges.
 */
const OVERAGE = `coalesce((
  select sum(greatest(one.priced, one.charged)) from (
    select meter, coalesce(sum(priced), 0) as priced, coalesce(sum(charged), 0) as charged from (
      select t.meter, ${priceOf('t.tiers', `(coalesce(${USED_UNITS}, 0) - t.included)`)} as priced, 0 as charged
      from (${overageTerms('period.starts')}) t
      where period.ends is null and t.meter <> 'cost_usd'
      union all select l.meter, 0, l.amount_micro_usd / 1000000.0 from billing_usage_ledger l
      where l.organization_id = o.id and l.period_start = period.starts and l.meter <> 'cost_usd') parts
    group by meter) one), 0)`

/** What the usage period of `o` that begins at `starts` costs until now: its charges, and its overage. */
const USED = sql.raw(`(coalesce(u.charge_usd, 0) + ${OVERAGE})`)

const startOf = (moment: SQL) => sql`usage_period_start(o.period_anchor, ${moment})`
const startAt = (now: number) => startOf(sql`${new Date(now).toISOString()}::timestamptz`)
const PERIOD = (periods: SQL) =>
  sql`join plans p on p.id = o.plan_id
    cross join lateral (${periods}) period(starts, ends)
    left join usage_periods u on u.organization_id = o.id and u.period_start = period.starts`
const THIS_PERIOD = (now: number) => PERIOD(sql`select ${startAt(now)}, null::timestamptz`)

/** This period and the previous one. */
const LAST_PERIODS = (now: number) =>
  PERIOD(sql`select this.starts, null::timestamptz from (select ${startAt(now)} as starts) this
    union all select ${startOf(sql`this.starts - interval '1 microsecond'`)}, this.starts from (select ${startAt(now)} as starts) this`)

/** @returns undefined if there is no such organization */
export async function findCap(db: Database, organizationId: string, now: number): Promise<CapRow | undefined> {
  const { rows } = await db.execute<CapRow>(sql`
    select c.cost_usd::text, c.action, ${USED}::text as used
    from organizations o left join spend_caps c on c.organization_id = o.id ${THIS_PERIOD(now)}
    where o.id = ${organizationId}::uuid`)
  return rows[0]
}

export const upsertCap = (db: Database, organizationId: string, costUsd: string, action: 'block' | 'alert') =>
  db
    .insert(spendCaps)
    .values({ organizationId, costUsd, action })
    .onConflictDoUpdate({
      target: spendCaps.organizationId,
      set: { costUsd, action, toldPeriod: null, refusedPeriod: null, updatedAt: new Date() },
    })

export const deleteCap = (db: Database, organizationId: string) =>
  db.delete(spendCaps).where(eq(spendCaps.organizationId, organizationId))

/** Every isolate sees the cap with the organization's next version. */
export const raiseVersion = (db: Database, organizationId: string) =>
  db
    .update(organizations)
    .set({ version: sql`${organizations.version} + 1` })
    .where(eq(organizations.id, organizationId))
    .returning({ version: organizations.version })

export type ReachedCap = {
  readonly organization_id: string
  readonly organization: string
  readonly cost_usd: string
  readonly used: string
  readonly action: 'block' | 'alert'
  /** ISO 8601. */
  readonly period_start: string
}

/**
 * Caps that the cost of this period reached, or that of the previous one by late usage, or that refused something, and that were not
 * reported yet. The earlier period comes first, because the mark of the later one replaces its mark. The cap applies to the earlier
 * period only if it was set before that period's end.
 */
export async function listReached(db: Database, now: number, limit: number): Promise<ReachedCap[]> {
  const { rows } = await db.execute<ReachedCap>(sql`
    select o.id as organization_id, o.name as organization, c.cost_usd::text, ${USED}::text as used, c.action,
      to_json(period.starts) #>> '{}' as period_start
    from spend_caps c join organizations o on o.id = c.organization_id ${LAST_PERIODS(now)}
    where coalesce(c.told_period < period.starts, true) and (period.ends is null or c.updated_at < period.ends)
      and (${USED} >= c.cost_usd or c.refused_period = period.starts)
    order by period.starts, random() limit ${limit}::int`)
  return rows
}
