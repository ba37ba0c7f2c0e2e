import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { NeonQueryPromise } from '@neondatabase/serverless'
import { brokenConstraint, type Sql, sqlState } from '../../src/db/client.ts'
import { describe } from './command.ts'

const FOLDER = fileURLToPath(new URL('../../migrations/', import.meta.url))
const BREAKPOINT = '--> statement-breakpoint'

export interface Migration {
  readonly name: string
  /** ISO 8601; undefined while pending. */
  readonly appliedAt: string | undefined
}

/** Every migration of the folder in order, and whether it is applied. */
export async function listMigrations(sql: Sql, folder = FOLDER): Promise<Migration[]> {
  return (await compareSchema(sql, folder)).migrations
}

/** @returns every migration of the folder in order, and the names of those that only a newer version knows */
export async function compareSchema(
  sql: Sql,
  folder = FOLDER,
): Promise<{ readonly migrations: Migration[]; readonly unknown: readonly string[] }> {
  const applied = await readApplied(sql)
  const files = await readdir(folder)
  const names = files.filter((file) => /^\d{4}_\w+\.sql$/.test(file)).map((file) => file.slice(0, -'.sql'.length))
  const unknown = [...applied.keys()].filter((name) => !names.includes(name)).toSorted()
  return { migrations: names.toSorted().map((name) => ({ name, appliedAt: applied.get(name) })), unknown }
}

/** Migrations run only over a schema that this version knows completely. @throws Error */
function requireKnown([unknown]: readonly string[]): void {
  if (unknown)
    throw new Error(`The database has migration ${unknown}, which this version does not know. Deploy a newer one.`)
}

/**
 * Applies pending migrations, in order; each whole or not at all, and once, even if two deployments do it at
 * the same time.
 *
 * @param last the last one to apply; all if undefined
 * @param done called after each that this call applied
 * @throws Error that names the failed migration; earlier ones stay applied. Also if some are pending in a database of a newer
 *   version; if none are, there is nothing to do
 */
export async function migrateUp(
  sql: Sql,
  last: string | undefined,
  done: (name: string) => void,
  folder = FOLDER,
): Promise<void> {
  const { migrations, unknown } = await compareSchema(sql, folder)
  const end = last === undefined ? migrations.length : findIndex(migrations, last) + 1
  const pending = migrations.slice(0, end).filter(({ appliedAt }) => !appliedAt)
  if (pending.length > 0) requireKnown(unknown)
  for (const { name } of pending) {
    const note = () => sql.query('insert into schema_migrations (name) values ($1)', [name])
    if (await runFile(sql, join(folder, `${name}.sql`), note)) done(name)
  }
}

/**
 * Reverts migrations, newest first.
 *
 * @param last the oldest one to revert; only the newest applied one if undefined
 * @throws Error that names the failed migration; also if the database is of a newer version
 */
export async function migrateDown(
  sql: Sql,
  last: string | undefined,
  done: (name: string) => void,
  folder = FOLDER,
): Promise<void> {
  const { migrations, unknown } = await compareSchema(sql, folder)
  requireKnown(unknown)
  const applied = migrations.filter(({ appliedAt }) => appliedAt).toReversed()
  const end =
    last === undefined ? 1 : applied.findIndex(({ name }) => name === migrations[findIndex(migrations, last)]?.name) + 1
  for (const { name } of applied.slice(0, end)) {
    const note = () => sql.query('delete from schema_migrations where name = $1', [name])
    if (await runFile(sql, join(folder, `${name}.down.sql`), note)) done(name)
  }
}

/** @param wanted a full name, or its number: `0001` */
function findIndex(migrations: readonly Migration[], wanted: string): number {
  const index = migrations.findIndex(({ name }) => name === wanted || name.startsWith(`${wanted}_`))
  if (index < 0)
    throw new Error(`There is no migration ${wanted}. There are: ${migrations.map(({ name }) => name).join(', ')}.`)
  return index
}

/**
 * How long a migration waits for a table's lock, and how often it retries. Later requests queue behind a waiting one, so
 * a long wait blocks the deployment's requests; they continue between two attempts.
 */
const LOCK_TIMEOUT_MS = 3_000
const TRIES = 5
const LOCK_NOT_AVAILABLE = '55P03'

/** Runs a file, and retries if others hold locks that it needs. */
async function runFile(sql: Sql, file: string, note: () => NeonQueryPromise<false, false>): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      return await tryFile(sql, file, note())
    } catch (error) {
      if (tries === TRIES || sqlState(error) !== LOCK_NOT_AVAILABLE) throw error
      await wait(tries * 1_000)
    }
  }
}

/**
 * One transaction: the record that the file ran, and its statements. The lock separates two deployments.
 *
 * @returns false if another deployment was faster, so nothing was done
 */
async function tryFile(sql: Sql, file: string, note: NeonQueryPromise<false, false>): Promise<boolean> {
  const statements = (await readFile(file, 'utf8')).split(BREAKPOINT).map((statement) => statement.trim())
  try {
    await sql.transaction([
      lock(sql),
      limitWaits(sql),
      note,
      ...statements.filter(Boolean).map((statement) => sql.query(statement)),
    ])
    return true
  } catch (error) {
    if (brokenConstraint(error) === 'schema_migrations_pkey') return false
    throw new Error(`Migration ${basename(file)} failed and changed nothing: ${describe(error)}`, { cause: error })
  }
}

function lock(sql: Sql) {
  return sql.query(`select pg_advisory_xact_lock(hashtext('schema_migrations'))`)
}

/** After the lock above: another deployment's migrations may take any time. */
function limitWaits(sql: Sql) {
  return sql.query(`set local lock_timeout = '${LOCK_TIMEOUT_MS}ms'`)
}

async function readApplied(sql: Sql): Promise<Map<string, string>> {
  // Under the lock: two that find no table would both create it, and one of them would fail.
  await sql.transaction([
    lock(sql),
    sql.query(
      'create table if not exists schema_migrations (name text primary key, applied_at timestamptz not null default now())',
    ),
  ])
  const rows = await sql.query(`select name, to_json(applied_at) #>> '{}' as applied_at from schema_migrations`)
  return new Map(rows.map((row) => [String(row.name), new Date(row.applied_at).toISOString()]))
}
