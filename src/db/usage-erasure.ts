import { type SQL, sql } from 'drizzle-orm'
import type { Database } from './orm.ts'

/**
 * Has what is about persons taken out of the raw events of organizations, by a job (privacy/erase-usage.ts): they can be millions,
 * which no batch has the time for. In the batch that deletes the organizations, and before it does.
 *
 * @param organizations a list or query of ids, in parentheses
 */
export function anonymizeEvents(db: Database, organizations: SQL, at: Date) {
  return db.execute(sql`
    insert into usage_erasures (organization_id, deleted_at)
    select id, ${at.toISOString()}::timestamptz from organizations where id in ${organizations}
    on conflict do nothing`)
}
