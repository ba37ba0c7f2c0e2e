import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { listMigrations, migrateDown, migrateUp } from '../../../local/support/migrations.ts'
import { readSchemaVersion } from '../../../src/db/schema-version.ts'
import { type Entry, readCatalog } from './catalog.ts'
import { emptyDatabase, ROOT, runScript } from './support.ts'

let database: Awaited<ReturnType<typeof emptyDatabase>>
let names: string[]

beforeAll(async () => {
  database = await emptyDatabase()
  names = (await filesOf('migrations')).filter((file) => /^[^.]+\.sql$/.test(file)).map((file) => file.slice(0, -4))
})

afterAll(() => database.close())

beforeEach(async () => {
  await database.sql.transaction([
    database.sql.query('drop schema public cascade'),
    database.sql.query('create schema public'),
  ])
})

const filesOf = async (folder: string) => (await readdir(join(ROOT, folder))).toSorted()
const applied = async () => (await listMigrations(database.sql)).filter((one) => one.appliedAt).map(({ name }) => name)
const catalog = () => readCatalog(database.sql)
const first = () => names[0] ?? ''
const newest = () => names.at(-1) ?? ''

/** @returns the names of the migrations it ran */
async function up(last?: string, folder?: string): Promise<string[]> {
  const done: string[] = []
  await migrateUp(database.sql, last, (name) => done.push(name), folder)
  return done
}

async function down(last?: string, folder?: string): Promise<string[]> {
  const undone: string[] = []
  await migrateDown(database.sql, last, (name) => undone.push(name), folder)
  return undone
}

/** A folder of migrations for one test. */
async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-migrations-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

/** Two connections need a real Postgres: the embedded one has a single one. */
test.runIf(process.env.DATABASE_URL)(
  'a migration does not wait for long for a table in use, but retries later',
  async () => {
    const { sql } = database
    const folder = await folderOf({ '0000_in_use.sql': 'alter table in_use add column two int' })
    await sql.query('create table in_use (one int)')
    const holding = sql.transaction([
      sql.query('lock table in_use in access share mode'),
      sql.query('select pg_sleep(5)'), // longer than one lock wait of a migration, shorter than all its retries
    ])
    await expect.poll(() => sql.query("select 1 from pg_locks where relation = 'in_use'::regclass")).toHaveLength(1)
    const migrating = up(undefined, folder)
    await expect
      .poll(() => sql.query("select 1 from pg_locks where relation = 'in_use'::regclass and not granted"))
      .toHaveLength(1)
    // a statement queued behind it waits no longer than it does
    await sql.query('select * from in_use')
    await Promise.all([holding, expect(migrating).resolves.toEqual(['0000_in_use'])])
  },
)

test('a build lists its migrations that a database lacks, even before the first', async () => {
  const read = () => readSchemaVersion({ sql: database.sql })
  expect(await read()).toEqual({ found: null, missing: names, isCurrent: false })
  await up(first())
  expect(await read()).toEqual({ found: first(), missing: names.slice(1), isCurrent: false })
  await up()
  expect(await read()).toEqual({ found: newest(), missing: [], isCurrent: true })
})

describe('the folder', () => {
  test('every migration has a down script, and nothing else is there', async () => {
    const pairs = names.flatMap((name) => [`${name}.down.sql`, `${name}.sql`])
    expect(await filesOf('migrations')).toEqual([...pairs, 'meta'])
  })

  test('names are a number and words, and no number occurs twice', () => {
    for (const name of names) expect(name).toMatch(/^\d{4}_[a-z][a-z0-9_]*$/)
    const numbers = names.map((name) => Number(name.slice(0, 4)))
    expect(numbers).toEqual([...new Set(numbers)])
  })

  test('drizzle-kit knows them all, in this order', async () => {
    const { entries } = JSON.parse(await readFile(join(ROOT, 'migrations/meta/_journal.json'), 'utf8'))
    expect(entries.map(({ tag }: { tag: string }) => tag)).toEqual(names)
  })
})

describe('up and down', { timeout: 120_000 }, () => {
  test('up, down to nothing and up again gives the same catalog', async () => {
    expect(await up()).toEqual(names)
    const before = await catalog()
    expect(new Set(before.map(({ kind }) => kind))).toContain('partitioning')

    expect(await down(first())).toEqual(names.toReversed())
    expect(await catalog()).toEqual([])

    expect(await up()).toEqual(names)
    expect(await catalog()).toEqual(before)
  })

  test('each down script keeps what was there before its migration', async () => {
    const before = []
    for (const name of names) {
      before.push(await catalog())
      expect(await up(name)).toEqual([name])
    }
    for (const name of names.toReversed()) {
      expect(await down()).toEqual([name])
      expect(await catalog(), name).toEqual(before.pop())
    }
    expect(await down()).toEqual([])
  })

  test('up goes to a named migration and no further, by name or number; again does nothing', async () => {
    expect(await up('0001')).toEqual(names.slice(0, 2))
    expect(await applied()).toEqual(names.slice(0, 2))
    expect(await up('0001')).toEqual([])
    expect(await up('0000')).toEqual([])
    expect(await up(newest())).toEqual(names.slice(2))
    expect(await up()).toEqual([])
  })

  test('down undoes only the newest, or all down to a named one; an unapplied one is left alone', async () => {
    await up()
    expect(await down()).toEqual([newest()])
    expect(await down(newest())).toEqual([])
    expect(await down('0001')).toEqual(names.slice(1, -1).toReversed())
    expect(await applied()).toEqual(names.slice(0, 1))
  })

  test('the status lists when each was applied', async () => {
    await up('0000')
    const [one, ...others] = await listMigrations(database.sql)
    expect(one).toEqual({ name: first(), appliedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) })
    expect(Math.abs(Date.parse(one?.appliedAt ?? '') - Date.now())).toBeLessThan(60_000)
    expect(others).toEqual(names.slice(1).map((name) => ({ name, appliedAt: undefined })))
  })

  test('the rows that a later migration does not touch survive it, down and up', async () => {
    await up()
    await database.sql.query(`insert into users (id, email) values (gen_random_uuid(), 'ada@example.com')`)
    await down('0001')
    await up()
    expect(await database.sql.query('select email from users')).toEqual([{ email: 'ada@example.com' }])
  })
})

describe('errors', () => {
  test.each(['0099', '0099_missing', 'foundation', '', '00', '0000_foundation.sql', '../0000_foundation'])(
    'the unknown name %j is an error that lists the known ones, and nothing is done',
    async (name) => {
      await up('0000')
      const message = `There is no migration ${name}. There are: ${names.join(', ')}.`
      await expect(up(name)).rejects.toThrow(message)
      await expect(down(name)).rejects.toThrow(message)
      expect(await applied()).toEqual([first()])
    },
  )

  test('a migration that fails changes nothing, and those before it stay', async () => {
    const folder = await folderOf({
      '0000_good.sql': 'create table good (id int)',
      '0001_bad.sql': 'create table bad (id int);\n--> statement-breakpoint\ninsert into nowhere values (1)',
      '0002_next.sql': 'create table next (id int)',
    })
    await expect(up(undefined, folder)).rejects.toThrow(
      'Migration 0001_bad.sql failed and changed nothing: relation "nowhere" does not exist',
    )
    expect((await catalog()).map(({ of }) => of)).toEqual(['good', 'good'])

    await writeFile(join(folder, '0001_bad.sql'), 'create table bad (id int)')
    expect(await up(undefined, folder)).toEqual(['0001_bad', '0002_next'])
  })

  test('a down script that fails or is missing changes nothing', async () => {
    const folder = await folderOf({
      '0000_one.sql': 'create table one (id int)',
      '0000_one.down.sql': 'drop table one;\n--> statement-breakpoint\ndrop table two',
      '0001_three.sql': 'create table three (id int)',
    })
    await up(undefined, folder)
    await expect(down(undefined, folder)).rejects.toThrow('0001_three.down.sql')
    await writeFile(join(folder, '0001_three.down.sql'), 'drop table three')
    await expect(down('0000', folder)).rejects.toThrow('Migration 0000_one.down.sql failed and changed nothing')
    expect((await catalog()).map(({ of }) => of)).toEqual(['one', 'one'])
    expect((await listMigrations(database.sql, folder)).filter(({ appliedAt }) => appliedAt)).toHaveLength(1)
  })

  test('two concurrent runs apply everything once, and neither fails', async () => {
    const runs = await Promise.all([up(), up(), up()])
    expect(runs.flat().toSorted()).toEqual(names)
    expect(await applied()).toEqual(names)
  })
})

describe('drizzle’s tables and the migrated ones', () => {
  test('nothing waits to be generated: the newest snapshot is the schema of the code', async () => {
    const snapshot = JSON.parse(
      await readFile(join(ROOT, `migrations/meta/${newest().slice(0, 4)}_snapshot.json`), 'utf8'),
    )
    expect(await generateMigration(snapshot, await schemaOfTheCode())).toEqual([])
  })

  test('are the same in every column, type, default, key, check, index and view, as PostgreSQL sees them', async () => {
    await up()
    const migrated = await catalog()
    await down(first())
    const statements = await generateMigration(generateDrizzleJson({}), await schemaOfTheCode())
    for (const statement of statements) await database.sql.query(statement)
    const declared = await catalog()

    expect(comparable(migrated)).toEqual(comparable(declared))
    expect(declared.length).toBeGreaterThan(200)
  })
})

describe('npm run migrate', { timeout: 30_000 }, () => {
  const migrate = (line: string, env: NodeJS.ProcessEnv = database.env) => runScript(`migrate ${line}`, env)

  test('up, status and down print what they did, line by line', async () => {
    expect(await migrate('up 0001')).toMatchObject({ code: 0, stdout: `applied ${names[0]}\napplied ${names[1]}\n` })
    const status = (await migrate('status')).stdout.trim().split('\n')
    expect(status.map((line) => line.split('  ')[0])).toEqual(names)
    expect(status.map((line) => line.endsWith('  pending'))).toEqual(names.map((_, at) => at > 1))
    expect(await migrate('up 0001')).toMatchObject({ code: 0, stdout: 'Nothing is pending.\n' })
    expect(await migrate('down')).toMatchObject({ code: 0, stdout: `undone ${names[1]}\n` })
    expect(await migrate('down 0001')).toMatchObject({ code: 0, stdout: 'There is nothing to undo.\n' })
  })

  test('an error is one line, and exit code 1', async () => {
    const nowhere = { DATABASE_URL: 'postgresql://ada:sesame@127.0.0.1:1/shop' }
    for (const [line, env, message] of [
      ['up 0099', database.env, /^There is no migration 0099\. [^\n]+\n$/],
      ['status', {}, /^DATABASE_URL is not set\. [^\n]+\n$/],
      ['status', { POSTGRES_URL: nowhere.DATABASE_URL }, /^The database 127\.0\.0\.1:1\/shop [^\n]+\n$/],
      ['status', nowhere, /^The database 127\.0\.0\.1:1\/shop of DATABASE_URL cannot be reached: [^\n]+\n$/],
    ] as const) {
      const { code, stdout, stderr } = await migrate(line, env)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(message)
    }
  })

  test('--help prints the help; so does a wrong command, as an error of the caller', async () => {
    for (const [line, code] of [
      ['--help', 0],
      ['sideways', 2],
    ] as const)
      expect(await migrate(line, {})).toEqual({ code, stdout: expect.stringMatching(/^Usage: /), stderr: '' })
  })
})

test('each migration that the changelog names exists', async () => {
  const changelog = await readFile(join(ROOT, 'CHANGELOG.md'), 'utf8')
  const named = [...changelog.matchAll(/needs\s+migrations?\s+(\d{4}(?:(?:,|\s+and)\s+\d{4})*)/g)]
  const numbers = named.flatMap(([, list = '']) => list.match(/\d{4}/g) ?? [])
  expect(numbers).toContain('0053') // the second of two
  expect(numbers.filter((number) => !names.some((name) => name.startsWith(`${number}_`)))).toEqual([])
})

/** Without what drizzle cannot express: partitions, functions, triggers and fill factors. A later column is the last. */
function comparable(entries: readonly Entry[]): string[] {
  return entries
    .filter(
      ({ of, kind }) =>
        !/^(partitioning|function|trigger)$/.test(kind) &&
        !/^(usage_events|usage_dedupe|audit_logs)_(default|before|\d)/.test(of),
    )
    .map(({ kind, text }) => `${kind} ${kind === 'column' ? text.replace(/^(\w+) \d+ /, '$1 ') : text}`)
    .map((line) =>
      line
        .replace(/^relation (usage_events|usage_dedupe|audit_logs) p /, 'relation $1 r ')
        .replace(' ON ONLY ', ' ON ')
        .replace(' default usage_dedupe_generation(now())', ''),
    )
    .map((line) => line.replace(/^(relation .*) \{fillfactor=\d+\}$/, '$1'))
    .toSorted()
}

async function schemaOfTheCode() {
  const files = await filesOf('src/db/schema')
  const modules = await Promise.all(files.map((file) => import(join(ROOT, 'src/db/schema', file))))
  return generateDrizzleJson(Object.assign({}, ...modules), undefined, undefined, 'snake_case')
}
