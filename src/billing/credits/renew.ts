import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { newIdLike } from '../../events/payload.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { selectCharged } from './select-charged.ts'

/** The part that an organization `o` on a plan `p` has not received of the credits of the period that begins at `period_start`. */
export const MISSING_CREDITS = sql.raw(`greatest(0, coalesce(p.included_credits_usd, 0) - coalesce((
  select sum(g.amount - g.rolled_over) from credit_grants g
  where g.organization_id = o.id and g.source = 'plan' and g.period_start = period.starts), 0))`)

/**
 * The statement that grants the credits that plans include, for the usage period of `at`: once per period, until its end.
 * The remainder of the previous period is granted again, up to the plan's maximum. If a plan includes more than was
 * granted in this period, the difference is granted at once.
 *
 * Earlier statements of the batch must lock the organizations and settle their expired grants.
 *
 * @returns the organizations, with their new versions
 */
export function renew(db: Database, organizations: SQL, now: number) {
  const [grantId, rowId] = [newIdLike(uuidv7(now)), newIdLike(uuidv7(now))]
  const at = sql`${new Date(now).toISOString()}::timestamptz`
  return db.execute<{ id: string; version: number }>(sql`
    with due as materialized (
      select o.id as organization_id, period.starts, usage_period_start(o.period_anchor, period.starts + interval '32 days') as ends,
        ${MISSING_CREDITS} as included, least(coalesce(p.rollover_max_usd, 0), left_over.amount) as rolled_over
      from organizations o join plans p on p.id = o.plan_id
      cross join lateral (select usage_period_start(o.period_anchor, ${at}) as starts) period
      cross join lateral (
        select coalesce(-sum(l.amount), 0) as amount from credit_grants g
        join credit_ledger l on l.organization_id = g.organization_id and l.grant_id = g.id and l.kind = 'expire'
        where g.organization_id = o.id and g.source = 'plan' and g.expires_at = period.starts and not exists (
          select 1 from credit_grants k where k.organization_id = o.id and k.source = 'plan' and k.period_start = period.starts)
      ) left_over
      where o.id in (${organizations}) and p.included_credits_usd > 0 and not o.is_platform
    ), fresh as materialized (
      select *, ${grantId} as id, included + rolled_over as amount from due where included > 0
    ), account as (
      insert into credit_accounts as a (organization_id, charged_before, granted, last_granted, updated_at)
      select organization_id, ${selectCharged(sql`fresh.organization_id`)}, amount, amount, ${at} from fresh
      on conflict (organization_id) do update set granted = a.granted + excluded.granted, last_granted = excluded.last_granted,
        owed = greatest(0, a.owed - excluded.granted), low_told_at = null, exhausted_told_at = null, updated_at = excluded.updated_at
    ), granted as (
      insert into credit_grants (id, organization_id, amount, remaining, source, expires_at, period_start, rolled_over, created_at)
      select id, organization_id, amount, amount, 'plan', ends, starts, rolled_over, ${at} from fresh
    ), booked as (
      insert into credit_ledger (id, organization_id, grant_id, kind, amount, created_at)
      select ${rowId}, organization_id, id, 'grant', amount, ${at} from fresh
    )
    update organizations o set version = o.version + 1
    from fresh where o.id = fresh.organization_id returning o.id, o.version`)
}
