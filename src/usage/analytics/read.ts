import type { NeonQueryPromise } from '@neondatabase/serverless'
import type { Sql } from '../../db/client.ts'
import { READ_TIMEOUT_MS } from '../../db/read-briefly.ts'

/** Compiling a query of 31 sums takes half a second; running it without compiling takes tens of milliseconds. */
const NO_COMPILING = 'set local jit = off'

/** Sets the timeout of the next query to the remaining time of the batch. At least 1 ms, because 0 means no limit. */
const LEFT = `select set_config('statement_timeout', greatest(1,
  $1::int - floor(extract(epoch from clock_timestamp() - transaction_timestamp()) * 1000)::int)::text, true)`

type Query = NeonQueryPromise<false, false>

/**
 * Runs several queries on the same snapshot in one read-only batch, with one timeout for all of them together.
 *
 * @throws Problem `unavailable` if Postgres canceled one of them
 */
export async function readTogether(sql: Sql, queries: readonly Query[]): Promise<unknown[][]> {
  const timed = queries.flatMap((query) => [sql.query(LEFT, [READ_TIMEOUT_MS]), query])
  const answers = await sql.transaction([sql.query(NO_COMPILING), ...timed], {
    readOnly: true,
    isolationLevel: 'RepeatableRead',
  })
  return answers.filter((_, place) => place > 0 && place % 2 === 0)
}

/** Runs one query like `readTogether`. */
export async function readRows<Row>(sql: Sql, query: Query): Promise<Row[]> {
  const [rows] = await readTogether(sql, [query])
  return rows as Row[]
}
