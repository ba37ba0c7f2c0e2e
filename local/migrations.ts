import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Sql } from '../src/db/client.ts'
import { describe } from './command.ts'

const FOLDER = fileURLToPath(new URL('../migrations/', import.meta.url))
const BREAKPOINT = '--> statement-breakpoint'

export interface Migration {
  readonly name: string
  /** ISO 8601; undefined while it is pending. */
  readonly appliedAt: string | undefined
}

/** Every migration of the folder in order, and whether the database has it. */
export async function listMigrations(sql: Sql): Promise<Migration[]> {
  const applied = await readApplied(sql)
  const files = await readdir(FOLDER)
  const names = files.filter((file) => /^\d{4}_\w+\.sql$/.test(file)).map((file) => file.slice(0, -'.sql'.length))
  const unknown = [...applied.keys()].find((name) => !names.includes(name))
  if (unknown)
    throw new Error(`The database has migration ${unknown}, which this version does not know. Deploy a newer one.`)
  return names.toSorted().map((name) => ({ name, appliedAt: applied.get(name) }))
}

/**
 * Applies what is pending, in order; each migration whole or not at all.
 *
 * @param last the last one to apply; all when undefined
 * @param done called after each
 * @throws Error naming the migration that failed; those before it stay applied
 */
export async function migrateUp(sql: Sql, last: string | undefined, done: (name: string) => void): Promise<void> {
  const migrations = await listMigrations(sql)
  const end = last === undefined ? migrations.length : indexOf(migrations, last) + 1
  for (const { name } of migrations.slice(0, end).filter(({ appliedAt }) => !appliedAt)) {
    await runFile(sql, `${name}.sql`, name, 'insert into schema_migrations (name) values ($1)')
    done(name)
  }
}

/**
 * Undoes migrations, the newest first.
 *
 * @param last the oldest one to undo; only the newest applied one when undefined
 */
export async function migrateDown(sql: Sql, last: string | undefined, done: (name: string) => void): Promise<void> {
  const migrations = await listMigrations(sql)
  const applied = migrations.filter(({ appliedAt }) => appliedAt).toReversed()
  const end =
    last === undefined ? 1 : applied.findIndex(({ name }) => name === migrations[indexOf(migrations, last)]?.name) + 1
  for (const { name } of applied.slice(0, end)) {
    await runFile(sql, `${name}.down.sql`, name, 'delete from schema_migrations where name = $1')
    done(name)
  }
}

/** @param wanted a whole name, or its number: `0001` */
function indexOf(migrations: readonly Migration[], wanted: string): number {
  const index = migrations.findIndex(({ name }) => name === wanted || name.startsWith(`${wanted}_`))
  if (index < 0)
    throw new Error(`There is no migration ${wanted}. There are: ${migrations.map(({ name }) => name).join(', ')}.`)
  return index
}

/** One transaction: the file's statements and the note that they ran. The lock keeps two deployments apart. */
async function runFile(sql: Sql, file: string, name: string, note: string): Promise<void> {
  const statements = (await readFile(FOLDER + file, 'utf8')).split(BREAKPOINT).map((statement) => statement.trim())
  const lock = sql.query(`select pg_advisory_xact_lock(hashtext('schema_migrations'))`)
  try {
    await sql.transaction([
      lock,
      sql.query(note, [name]),
      ...statements.filter(Boolean).map((statement) => sql.query(statement)),
    ])
  } catch (error) {
    throw new Error(`Migration ${file} failed and changed nothing: ${describe(error)}`, { cause: error })
  }
}

async function readApplied(sql: Sql): Promise<Map<string, string>> {
  await sql.query(
    'create table if not exists schema_migrations (name text primary key, applied_at timestamptz not null default now())',
  )
  const rows = await sql.query(`select name, to_json(applied_at) #>> '{}' as applied_at from schema_migrations`)
  return new Map(rows.map((row) => [String(row.name), new Date(row.applied_at).toISOString()]))
}
