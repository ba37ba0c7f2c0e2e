import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { newIdLike } from '../../events/payload.ts'
import { uuidv7 } from '../../lib/uuid.ts'

/** Whose credits nobody paid for. */
export interface Unpaid {
  readonly organizationId: string
  /** When the trial began that has ended without a payment; null if it was none. */
  readonly trialStart: Date | null
}

/**
 * `rolled_over` (the part that the plan does not include) of a grant `g` whose amount shrinks: at most the new amount.
 */
export const withinAmount = (amount: string): SQL =>
  sql.raw(`case when g.rolled_over is not null then least(g.rolled_over, ${amount}) end`)

/**
 * The paid part of the credits that rolled over to a grant `g`. After a trial, it is at most what the plan's grants
 * from before the trial had left.
 *
 * @param trialStart null if there was no trial
 */
const paidRollover = (
  trialStart: SQL,
) => sql`case when ${trialStart} is null then coalesce(g.rolled_over, 0) else least(coalesce(g.rolled_over, 0), (
  select coalesce(-sum(l.amount), 0) from credit_grants k
  join credit_ledger l on l.organization_id = k.organization_id and l.grant_id = k.id and l.kind = 'expire'
  where k.organization_id = g.organization_id and k.source = 'plan' and k.expires_at = g.period_start
    and k.created_at < ${trialStart} - interval '1 hour')) end`

/**
 * The statement that takes back the remainder of the credits that a plan included in the usage period of `now`, because
 * its charge was refunded or never paid. Credits rolled over from a period that was paid for stay (`kept`). If the plan
 * is paid for after all, the difference is granted again (credits/renew.ts), because the grant is now smaller. Spent
 * credits that a correction returns later are taken when that correction is settled (credits/settle.ts).
 *
 * Earlier statements of the batch must lock the organization and settle its credits.
 *
 * @returns the organization, with its new version, if something was taken
 */
export function takeBackIncluded(db: Database, { organizationId, trialStart }: Unpaid, now: number) {
  const rowId = newIdLike(uuidv7(now))
  const at = sql`${new Date(now).toISOString()}::timestamptz`
  const organization = sql`${organizationId}::uuid`
  return db.execute<{ id: string; version: number }>(sql`
    with found as materialized (
      select g.id, paid.kept, least(g.remaining, greatest(0, g.amount - paid.kept - g.burned)) as amount
      from credit_grants g join organizations o on o.id = g.organization_id
      cross join lateral (select ${paidRollover(sql`${trialStart?.toISOString() ?? null}::timestamptz`)} as kept) paid
      where o.id = ${organization} and g.source = 'plan' and g.revoked_at is null
        and g.period_start = usage_period_start(o.period_anchor, ${at})
    ), taken as materialized (
      select * from found where amount > 0
    ), changed as (
      update credit_grants g set remaining = g.remaining - f.amount, amount = g.amount - f.amount, kept = f.kept,
        rolled_over = ${withinAmount('g.amount - f.amount')}
      from found f where g.id = f.id and g.organization_id = ${organization}
    ), booked as (
      insert into credit_ledger (id, organization_id, grant_id, kind, amount, reason, created_at)
      select ${rowId}, ${organization}, id, 'refund', -amount, 'The plan was refunded or not paid', ${at} from taken
    ), summed as (
      update credit_accounts a set granted = a.granted - t.amount, updated_at = ${at}
      from (select sum(amount) as amount from taken) t where a.organization_id = ${organization} and t.amount > 0
    )
    update organizations o set version = o.version + 1
    where o.id = ${organization} and exists (select from taken) returning o.id, o.version`)
}
