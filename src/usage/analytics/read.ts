import type { NeonQueryPromise } from '@neondatabase/serverless'
import type { Sql } from '../../db/client.ts'

/**
 * Postgres ends a question after this. The Worker itself stops waiting after DATABASE_TIMEOUT_MS (5 s unless set), but that
 * leaves the statement running: who asks again and again would pile them up.
 */
export const QUERY_TIMEOUT_MS = 4_500

/** To compile a question of 31 sums takes half a second; to answer it without takes tens of milliseconds. */
const SETTINGS = [`statement_timeout = ${QUERY_TIMEOUT_MS}`, 'jit = off']

type Query = NeonQueryPromise<false, false>

/**
 * Asks several questions of the same moment in one read-only batch, together no longer than the timeout lets each run.
 *
 * @throws Problem `unavailable` when Postgres ended one of them
 */
export async function readTogether(sql: Sql, queries: readonly Query[]): Promise<unknown[][]> {
  const settings = SETTINGS.map((setting) => sql.query(`set local ${setting}`))
  const answers = await sql.transaction([...settings, ...queries], { readOnly: true, isolationLevel: 'RepeatableRead' })
  return answers.slice(settings.length)
}

/** Asks one question, as `readTogether` does. */
export async function readRows<Row>(sql: Sql, query: Query): Promise<Row[]> {
  const [rows] = await readTogether(sql, [query])
  return rows as Row[]
}
