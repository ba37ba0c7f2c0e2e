import { type SQL, sql } from 'drizzle-orm'
import { runBatch } from '../../db/batch.ts'
import { lockOrganizations } from '../../db/locks.ts'
import { type Database, ormOver } from '../../db/orm.ts'
import type { Deps } from '../../deps.ts'
import { newIdLike } from '../../events/payload.ts'
import { errorFields, log } from '../../lib/log.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { restartCredits } from '../../limits/credit-counter.ts'
import { organizationVersionKey } from '../../limits/limit-request.ts'
import { publishVersions } from '../../limits/versions.ts'
import { selectCharged } from './charged.ts'
import { renew } from './renew.ts'

/** The order in which grants burn: soonest expiring first, then by priority, then the oldest. */
export const BURN_ORDER = sql.raw('g.expires_at nulls last, g.priority, g.id')
const RETURN_ORDER = sql.raw('g.expires_at desc nulls first, g.priority desc, g.id desc')

type Changed = { id: string; version: number }

/**
 * The statement that pays what accounts were charged since the last time, and lets grants expire, as of `at`. The
 * organizations must be locked by an earlier statement of the batch.
 *
 * `due` is a difference of sums: all charges since the first grant, less all that burned. So every charge burns once,
 * in whatever order charges, grants and runs come. What no grant can pay stays due, and burns from the next grant.
 * Charges that were recorded by now burn from a grant that has just expired; those that are recorded later burn from
 * the grants that are left. If charges were corrected to less, the difference returns to the grants that burned last
 * and have not ended.
 *
 * @returns the organizations whose credits changed other than by burning, with their new versions
 */
function settle(db: Database, organizations: SQL, now: number) {
  const id = newIdLike(uuidv7(now))
  const at = sql`${new Date(now).toISOString()}::timestamptz`
  return db.execute<Changed>(sql`
    with account as materialized (
      select a.organization_id, ${selectCharged(sql`a.organization_id`)} - a.charged_before - a.burned as due
      from credit_accounts a where a.organization_id in (${organizations})
    ), share as (
      select g.id, g.organization_id, g.remaining,
        g.remaining > 0 and g.expires_at <= ${at} as is_over,
        case when a.due >= 0
          then least(g.remaining, greatest(0, a.due - sum(g.remaining) over burning + g.remaining))
          when g.revoked_at is null and (g.expires_at is null or g.expires_at > ${at})
          then -least(g.burned, greatest(0, -a.due - sum(g.burned) over returning_ + g.burned))
          else 0 end as burned
      from credit_grants g join account a using (organization_id)
      where g.remaining > 0 or (a.due < 0 and g.burned > 0 and g.revoked_at is null and (g.expires_at is null or g.expires_at > ${at}))
      window burning as (partition by g.organization_id order by ${BURN_ORDER}),
        returning_ as (partition by g.organization_id order by ${RETURN_ORDER})
    ), changed as materialized (
      select *, case when is_over then remaining - burned else 0 end as expired from share
      where burned <> 0 or is_over
    ), granted as (
      update credit_grants g set remaining = g.remaining - c.burned - c.expired, burned = g.burned + c.burned
      from changed c where g.id = c.id and g.organization_id = c.organization_id
    ), booked as (
      insert into credit_ledger (id, organization_id, grant_id, kind, amount, created_at)
      select ${id}, organization_id, id, case when burned > 0 then 'burn' else 'return' end, -burned, ${at} from changed where burned <> 0
      union all select ${id}, organization_id, id, 'expire', -expired, ${at} from changed where expired > 0
    ), summed as (
      update credit_accounts a set burned = a.burned + c.burned, granted = a.granted - c.expired, updated_at = ${at}
      from (select organization_id, sum(burned) as burned, sum(expired) as expired from changed group by 1) c
      where a.organization_id = c.organization_id
    )
    update organizations o set version = o.version + 1
    where o.id in (select organization_id from changed where expired > 0 or burned < 0) returning o.id, o.version`)
}

/** The steps of a batch after which an organization's credits are as of now: its lock, and everything that time did. */
export function settlementSteps(db: Database, organizationId: string, now: number) {
  const one = sql`select ${organizationId}::uuid`
  return { lock: lockOrganizations(db, one), settled: settle(db, one, now), renewed: renew(db, one, now) }
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
    renewed: renew(db, organizations, now),
  })
  await publishChanged(deps, [...settled.rows, ...renewed.rows])
  return new Set([...settled.rows, ...renewed.rows].map(({ id }) => id)).size
}

/**
 * Tells every isolate that the credits of organizations are others. Their counters start again with what Postgres says,
 * since a charge may have been corrected to less. Holds stay, and so do calls that are not in Postgres yet.
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
