import { type SQL, sql } from 'drizzle-orm'
import { runBatch } from '../../db/batch.ts'
import { lockOrganizations } from '../../db/locks.ts'
import { type Database, ormOver } from '../../db/orm.ts'
import type { Deps } from '../../deps.ts'
import { newIdLike } from '../../events/payload.ts'
import { errorFields, log } from '../../lib/log.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { restartCredits } from '../../limits/credits/counter.ts'
import { organizationVersionKey } from '../../limits/limit-request.ts'
import { publishVersions } from '../../limits/versions.ts'
import { cover } from './cover.ts'
import { renew } from './renew.ts'
import { selectCharged } from './select-charged.ts'
import { takeBackIncluded, type Unpaid, withinAmount } from './take-back.ts'

/** The order in which grants are spent: soonest expiring first, then by priority, then the oldest. */
export const BURN_ORDER = sql.raw('g.expires_at nulls last, g.priority, g.id')
const RETURN_ORDER = sql.raw('g.expires_at desc nulls first, g.priority desc, g.id desc')

/** By how much the amount of a changed grant `c` shrinks: only a grant of a plan that nobody paid for has `kept`. */
const UNPAID = 'case when c.kept is null then 0 else c.refunded end'

type Changed = { id: string; version: number }

/**
 * The statement that pays the charges of accounts since the last time, and expires grants, as of `at`. An earlier
 * statement of the batch must lock the organizations.
 *
 * `due` is a difference of sums: all charges since the first grant, minus everything spent. So every charge is paid once,
 * whatever the order of charges, grants and runs. The part that no grant can pay stays due, and is paid by the next grant.
 * Charges recorded by now are paid by a grant that has just expired; charges recorded later are paid by the remaining
 * grants. If charges were corrected to less, the difference returns to the grants that were spent last: first to those
 * that have not ended, then to the others, which lose it at once. So every paid charge belongs to a grant. If a refund
 * could not take credits because they were spent, it takes them when they return: nobody has paid for them.
 *
 * @returns the organizations whose credits changed other than by spending, with their new versions
 */
function settle(db: Database, organizations: SQL, now: number) {
  const id = newIdLike(uuidv7(now))
  const at = sql`${new Date(now).toISOString()}::timestamptz`
  return db.execute<Changed>(sql`
    with account as materialized (
      select a.organization_id, ${selectCharged(sql`a.organization_id`)} - a.charged_before - a.burned as due
      from credit_accounts a where a.organization_id in (${organizations})
    ), share as (
      select g.*, state.has_ended,
        case when a.due >= 0
          then least(g.remaining, greatest(0, a.due - sum(g.remaining) over burning + g.remaining))
          else -least(g.burned, greatest(0, -a.due - sum(g.burned) over returning_ + g.burned)) end as burns
      from credit_grants g join account a using (organization_id)
      cross join lateral (select g.revoked_at is not null or coalesce(g.expires_at <= ${at}, false) as has_ended) state
      where g.remaining > 0 or (a.due < 0 and g.burned > 0)
      window burning as (partition by g.organization_id order by ${BURN_ORDER}),
        returning_ as (partition by g.organization_id order by state.has_ended, ${RETURN_ORDER})
    ), reversed as materialized (
      select s.*, case when s.burns >= 0 then 0 when p.shortfall > 0 then least(-s.burns, p.shortfall)
        when s.kept is not null then least(s.remaining - s.burns, greatest(0, s.amount - s.kept - (s.burned + s.burns))) else 0 end as refunded
      from share s left join credit_purchases p on p.organization_id = s.organization_id and p.grant_id = s.id and s.burns < 0 and p.shortfall > 0
      where s.burns <> 0 or (s.has_ended and s.remaining > 0)
    ), changed as materialized (
      select r.*, case when r.has_ended then r.remaining - r.burns - r.refunded else 0 end as gone from reversed r
    ), granted as (
      update credit_grants g set remaining = g.remaining - c.burns - c.refunded - c.gone, burned = g.burned + c.burns,
        amount = g.amount - ${sql.raw(UNPAID)}, rolled_over = ${withinAmount(`g.amount - ${UNPAID}`)}
      from changed c where g.id = c.id and g.organization_id = c.organization_id
    ), purchased as (
      update credit_purchases p set shortfall = p.shortfall - c.refunded, taken_back = p.taken_back + c.refunded, updated_at = ${at}
      from changed c where p.grant_id = c.id and p.organization_id = c.organization_id and c.refunded > 0
    ), booked as (
      insert into credit_ledger (id, organization_id, grant_id, kind, amount, created_at)
      select ${id}, organization_id, id, case when burns > 0 then 'burn' else 'return' end, -burns, ${at} from changed where burns <> 0
      union all select ${id}, organization_id, id, 'refund', -refunded, ${at} from changed where refunded > 0
      union all select ${id}, organization_id, id, case when revoked_at is null then 'expire' else 'revoke' end, -gone, ${at} from changed where gone > 0
    ), summed as (
      update credit_accounts a set burned = a.burned + c.burned, granted = a.granted - c.gone, updated_at = ${at}
      from (select organization_id, sum(burns) as burned, sum(gone + refunded) as gone from changed group by 1) c
      where a.organization_id = c.organization_id
    )
    update organizations o set version = o.version + 1
    where o.id in (select organization_id from changed where gone > 0 or burns < 0) returning o.id, o.version`)
}

/** The batch steps that bring an organization's credits up to date: its lock, and every change that is due by now. */
export function settlementSteps(db: Database, organizationId: string, now: number) {
  const one = sql`select ${organizationId}::uuid`
  return {
    lock: lockOrganizations(db, one),
    settled: settle(db, one, now),
    covered: cover(db, one, now),
    renewed: renew(db, one, now),
  }
}

/** The batch steps, after the organization's lock, that take back credits whose plan was refunded or not paid. */
export function takeBackSteps(db: Database, from: Unpaid, now: number) {
  return {
    settled: settle(db, sql`select ${from.organizationId}::uuid`, now),
    taken: takeBackIncluded(db, from, now),
  }
}

/** Brings an organization's credits up to date. Idempotent. */
export async function settleCredits(deps: Deps, organizationId: string): Promise<void> {
  await settleAll(deps, sql`select ${organizationId}::uuid`)
}

/** The same for several. @param organizations a query of their ids */
export async function settleAll(deps: Deps, organizations: SQL): Promise<number> {
  const db = ormOver(deps.sql)
  const now = deps.now()
  const { settled, renewed } = await runBatch(db, {
    lock: lockOrganizations(db, organizations),
    settled: settle(db, organizations, now),
    covered: cover(db, organizations, now),
    renewed: renew(db, organizations, now),
  })
  await publishChanged(deps, [...settled.rows, ...renewed.rows])
  return new Set([...settled.rows, ...renewed.rows].map(({ id }) => id)).size
}

/**
 * Invalidates the cached credits of organizations in every isolate. Their counters restart from Postgres,
 * because a charge may have been corrected to less. Holds stay, and so do calls that are not in Postgres yet.
 */
export async function publishChanged(deps: Deps, changed: readonly Changed[]): Promise<void> {
  if (changed.length === 0) return
  await publishVersions(
    deps,
    changed.map(({ id, version }) => ({ name: organizationVersionKey(id), version })),
  )
  try {
    await restartCredits(
      deps,
      changed.map(({ id }) => id),
    )
  } catch (error) {
    log('warn', 'credits_not_restarted', { organizations: changed.length, ...errorFields(error) })
  }
}
