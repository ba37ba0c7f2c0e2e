import journal from '../../../migrations/meta/_journal.json' with { type: 'json' }
import type { Deps } from '../../deps.ts'

/** The last migration that this version of the code was made for. */
export const KNOWN_MIGRATION = journal.entries.at(-1)?.tag ?? ''

/** @returns the last migration that the database has, and how many it has of all */
export async function findMigration({ sql }: Deps): Promise<{ last: string | null; count: number }> {
  const [row] = await sql.query('select max(name) as last, count(*)::int as count from schema_migrations')
  return { last: row?.last ?? null, count: row?.count ?? 0 }
}

export const KNOWN_MIGRATIONS = journal.entries.length
