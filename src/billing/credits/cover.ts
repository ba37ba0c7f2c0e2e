import { type SQL, sql } from 'drizzle-orm'
import { runBatch } from '../../db/batch.ts'
import { lockOrganizations } from '../../db/locks.ts'
import { type Database, ormOver } from '../../db/orm.ts'
import type { Deps } from '../../deps.ts'

/**
 * The statement that takes out of the credits what was charged beyond them, for organizations whose plan continues without any
 * (`at_no_credits: 'allow'`). It is never owed, and is overage where the plan has a price for it.
 *
 * Earlier statements of the batch must lock the organizations, and it runs before anything is granted: a new grant pays for
 * none of it. A change of plan does the same by triggers (migration 0073).
 */
export function cover(db: Database, organizations: SQL, now: number) {
  return db.execute(sql`select cover_charges(ids, ${new Date(now).toISOString()}::timestamptz) from (select array(
    select o.id from organizations o join plans p on p.id = o.plan_id
    where o.id in (${organizations}) and p.at_no_credits = 'allow') as ids) as found
    where cardinality(ids) > 0`)
}

/** Does it at once for one organization, and grants nothing: the plan that is left gives no more credits. */
export async function coverCharges(deps: Deps, organizationId: string): Promise<void> {
  const db = ormOver(deps.sql)
  const one = sql`select ${organizationId}::uuid`
  await runBatch(db, { lock: lockOrganizations(db, one), covered: cover(db, one, deps.now()) })
}
