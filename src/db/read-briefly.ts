import { sql } from 'drizzle-orm'
import { runBatch, type Statement } from './batch.ts'
import type { Database } from './orm.ts'

/**
 * The statement timeout of costly reads. The Worker itself stops waiting after DATABASE_TIMEOUT_MS (5 s unless set),
 * but that leaves the statement running: a client that retries would pile up statements.
 */
export const READ_TIMEOUT_MS = 4_500

/**
 * Runs a read that may be costly, such as a search, with a statement timeout.
 *
 * @throws Problem `unavailable` if Postgres canceled it
 */
export async function readBriefly<S extends Statement>(db: Database, read: S): Promise<S['_']['result']> {
  const limit = db.execute(sql`select set_config('statement_timeout', ${String(READ_TIMEOUT_MS)}::text, true)`)
  const { rows } = await runBatch(db, { limit, rows: read as Statement })
  return rows as S['_']['result']
}
