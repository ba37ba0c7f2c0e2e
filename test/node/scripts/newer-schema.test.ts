import { afterAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { requireSchema } from '../../../local/stand-alone/schema.ts'
import { listMigrations, migrateDown, migrateUp } from '../../../local/support/migrations.ts'
import { migratedDatabase, runScript } from './support.ts'

const database = await migratedDatabase()
const newest = (await listMigrations(database.sql)).at(-1)?.name ?? ''

afterAll(() => database.close())

beforeEach(async () => {
  await database.sql.query(
    `insert into schema_migrations (name) values ('9999_future'), ($1) on conflict (name) do nothing`,
    [newest],
  )
})

/** @returns the names of the migrations it ran */
async function up(): Promise<string[]> {
  const done: string[] = []
  await migrateUp(database.sql, undefined, (name) => done.push(name))
  return done
}

test('over a newer schema that lacks nothing of this version there is nothing to do, and nothing is undone or added', async () => {
  const refusal = 'The database has migration 9999_future, which this version does not know.'
  expect(await up()).toEqual([])
  expect((await runScript('migrate status', database.env)).stdout).toContain('9999_future  of a newer version')
  await expect(migrateDown(database.sql, undefined, () => undefined)).rejects.toThrow(refusal)

  await database.sql.query('delete from schema_migrations where name = $1', [newest])
  await expect(up()).rejects.toThrow(refusal)
})

test('npm start begins over a newer schema with a warning, and not over one that lacks a migration', async () => {
  const warned = vi.spyOn(console, 'warn').mockReturnValue()
  onTestFinished(() => warned.mockRestore())
  await requireSchema(database.sql, false)
  expect(warned.mock.calls.flat().join()).toContain('"migrations":["9999_future"]')

  await database.sql.query('delete from schema_migrations where name = $1', [newest])
  await expect(requireSchema(database.sql, false)).rejects.toThrow(`The database lacks 1 migrations: ${newest}.`)
})
