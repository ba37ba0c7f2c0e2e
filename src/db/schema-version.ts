import journal from '../../migrations/meta/_journal.json' with { type: 'json' }
import type { Deps } from '../deps.ts'
import { sqlState } from './client.ts'

/** The migrations that this version of the code was built for, in order. */
export const KNOWN_MIGRATIONS: readonly string[] = journal.entries.map(({ tag }) => tag)

const NO_SUCH_TABLE = '42P01'

interface SchemaVersion {
  /** The last migration that the database has; null in a new one. */
  readonly found: string | null
  /** The known migrations that the database lacks, in order. */
  readonly missing: readonly string[]
  /** False if some are missing, and also if the database is ahead, as after a rollback of the Worker. */
  readonly isCurrent: boolean
}

export async function readSchemaVersion({ sql }: Pick<Deps, 'sql'>): Promise<SchemaVersion> {
  const names = await listApplied({ sql })
  const missing = KNOWN_MIGRATIONS.filter((name) => !names.includes(name))
  return {
    found: names.at(-1) ?? null,
    missing,
    isCurrent: missing.length === 0 && names.length === KNOWN_MIGRATIONS.length,
  }
}

async function listApplied({ sql }: Pick<Deps, 'sql'>): Promise<readonly string[]> {
  try {
    const rows = await sql.query('select name from schema_migrations order by name')
    return rows.map(({ name }) => String(name))
  } catch (error) {
    if (sqlState(error) === NO_SUCH_TABLE) return []
    throw error
  }
}
