import type { Deps } from '../../src/deps.ts'

/** How many there were, by Postgres itself: the client sends a statement again, which hides them. */
export async function countDeadlocks({ sql }: Pick<Deps, 'sql'>): Promise<number> {
  await sql.query('select pg_stat_clear_snapshot()')
  const [row] = await sql.query('select deadlocks::int from pg_stat_database where datname = current_database()')
  return row?.deadlocks
}
