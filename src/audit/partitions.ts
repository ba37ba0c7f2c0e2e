/** The audit log's partitions, one for each month (UTC): made ahead, and dropped after the retention. */
import type { Deps } from '../deps.ts'
import { toMonth } from '../lib/period.ts'

const DAY_MS = 24 * 3_600_000
/** The present month and the next three. */
const MONTHS_AHEAD = 3
/** Rows of a statement that deletes what is not dropped with its month, and statements of a run. */
const BATCH_ROWS = 20_000
const MAX_BATCHES = 25

/** Makes partitions ahead. Rows that came before their partition are in the default one, and are moved. */
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
 * Drops every month that is over for longer than the retention. The partitions that hold several months, the one from before
 * the table was partitioned and the default one, lose the rows of these months in batches.
 */
export async function dropAuditPartitions({ sql, config }: Pick<Deps, 'sql' | 'config'>, at: number) {
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
