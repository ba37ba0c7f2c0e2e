/** The audit log's monthly partitions (UTC): created ahead, and dropped after the retention period. */
import { requireFeature } from '../config-features.ts'
import type { Deps } from '../deps.ts'
import { toMonth } from '../lib/period.ts'

const DAY_MS = 24 * 3_600_000
/** In addition to the current month. */
const MONTHS_AHEAD = 3
/** Rows per statement, and statements per run, for deleting rows that are not dropped with a partition. */
const BATCH_ROWS = 20_000
const MAX_BATCHES = 25

/** Creates partitions ahead. Rows that were written before their partition existed are moved there from the default one. */
export async function makeAuditPartitions({ sql }: Pick<Deps, 'sql'>, at: number) {
  const [row] = await sql.query(
    `select count(*) filter (where ensure_audit_partition((date_trunc('month', $1::timestamptz, 'UTC') at time zone 'UTC'
       + make_interval(months => ahead))::date))::int as made
     from generate_series(0, $2::int) as ahead`,
    [new Date(at).toISOString(), MONTHS_AHEAD],
  )
  return { made: Number(row?.made) }
}

/**
 * Drops every month that ended before the retention period. Two partitions contain several months: the default one, and the one
 * from before the table was partitioned. From these, the rows of such months are deleted in batches.
 */
export async function dropAuditPartitions({ sql, config }: Pick<Deps, 'sql' | 'config'>, at: number) {
  requireFeature(config, 'audit_retention') // drop nothing rather than guess
  const kept = toMonth(at - config.AUDIT_RETENTION_DAYS * DAY_MS)
  const rows = await sql.query('select drop_audit_partitions_before($1) as dropped', [kept.name.replace('-', '_')])
  const first = new Date(kept.start).toISOString()
  let deleted = 0
  for (let count = 0; count < MAX_BATCHES; count++) {
    const [batch] = await sql.query('select delete_audit_rows_before($1, $2) as rows', [first, BATCH_ROWS])
    deleted += Number(batch?.rows)
    if (Number(batch?.rows) < BATCH_ROWS) break
  }
  return { dropped: Number(rows[0]?.dropped), deleted }
}
