import { sql } from 'drizzle-orm'
import { requireThat } from './batch.ts'
import { lockMeters } from './locks.ts'
import type { Database } from './orm.ts'

/** Batch steps that require the named custom meters to exist, and lock them against deletion. */
export function holdMeters(db: Database, slugs: readonly string[]) {
  if (slugs.length === 0) return []
  const list = sql`array(select jsonb_array_elements_text(${JSON.stringify(slugs)}::jsonb))`
  const areThere = sql`(select count(*) from meters where slug = any(${list})) = ${new Set(slugs).size}`
  return [lockMeters(db, slugs), requireThat(db, areThere, 'meter_not_found')]
}
