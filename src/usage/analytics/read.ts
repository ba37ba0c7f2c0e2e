import type { NeonQueryPromise } from '@neondatabase/serverless'
import type { Sql } from '../../db/client.ts'

/**
 * Postgres cancels a query after this. The Worker itself stops waiting after DATABASE_TIMEOUT_MS (5 s unless set), but that
 * leaves the statement running: a client that retries would pile up statements.
 */
export const QUERY_TIMEOUT_MS = 4_500

/** Compiling a query of 31 sums takes half a second; running it without compiling takes tens of milliseconds. */
const SETTINGS = [`statement_timeout = ${QUERY_TIMEOUT_MS}`, 'jit = off']

type Query = NeonQueryPromise<false, false>

/**
 * Runs several queries on the same snapshot in one read-only batch. The timeout applies to each query.
 *
 * @throws Problem `unavailable` when Postgres canceled one of them
 */
export async function readTogether(sql: Sql, queries: readonly Query[]): Promise<unknown[][]> {
  const settings = SETTINGS.map((setting) => sql.query(`set local ${setting}`))
  const answers = await sql.transaction([...settings, ...queries], { readOnly: true, isolationLevel: 'RepeatableRead' })
  return answers.slice(settings.length)
}

/** Runs one query like `readTogether`. */
export async function readRows<Row>(sql: Sql, query: Query): Promise<Row[]> {
  const [rows] = await readTogether(sql, [query])
  return rows as Row[]
}
