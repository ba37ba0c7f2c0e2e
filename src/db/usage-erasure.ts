import { type SQL, sql } from 'drizzle-orm'
import type { Database } from './orm.ts'

/**
 * Queues organizations for the job that erases personal data from their raw events (privacy/erase-usage.ts). There can
 * be millions of events, too many for a batch. It is a step of the batch that deletes the organizations, before the
 * deletion.
 *
 * @param organizations a list or query of ids, in parentheses
 */
export function anonymizeEvents(db: Database, organizations: SQL, at: Date) {
  return db.execute(sql`
    insert into usage_erasures (organization_id, deleted_at)
    select id, ${at.toISOString()}::timestamptz from organizations where id in ${organizations}
    on conflict do nothing`)
}
