import { afterAll, beforeAll, expect, test } from 'vitest'
import { BEGUN, REMOVALS } from '../../../local/restore/removals.ts'
import { LEFT, ROWS, USAGE_TABLES } from '../../../local/restore/tables.ts'
import { CHANGED } from './after-restore-changed.ts'
import { REMOVED } from './after-restore-removed.ts'
import { BASE } from './after-restore-sql.ts'
import { migratedDatabase, runScript } from './support.ts'

const CASES = [...REMOVED, ...CHANGED]

type Database = Awaited<ReturnType<typeof migratedDatabase>>
let [former, restored]: Database[] = []

beforeAll(async () => {
  ;[former, restored] = await Promise.all([migratedDatabase('former'), migratedDatabase()])
  for (const { sql } of [former, restored]) {
    for (const statement of [...BASE, ...CASES.flatMap(({ before }) => before)]) await sql.query(statement)
  }
  for (const statement of CASES.flatMap(({ since }) => since)) await former.sql.query(statement)
})
afterAll(() => Promise.all([former?.close(), restored?.close()]))

const MOMENT = new Date(Date.now() - 30 * 60_000).toISOString()

async function carry() {
  if (!former || !restored) throw new Error('There is no database.')
  const { DATABASE_URL, NEON_FETCH_ENDPOINT } = former.env
  return runScript(`after-restore --moment ${MOMENT}`, {
    ...restored.env,
    FORMER_DATABASE_URL: DATABASE_URL,
    FORMER_NEON_FETCH_ENDPOINT: NEON_FETCH_ENDPOINT,
  })
}

const ask = async (query: string) => (await restored?.sql.query(`select (${query})::text as answer`))?.[0]?.answer

test('actions since the restored moment are kept, even if run twice, and destroyed data returns otherwise', async () => {
  const first = await carry()
  expect(first.stderr).toBe('')
  const expected = Object.fromEntries(CASES.map(({ name, is }) => [name, is]))
  const answers = async () =>
    Object.fromEntries(await Promise.all(CASES.map(async ({ name, asked }) => [name, await ask(asked)])))
  expect(await answers()).toEqual(expected)
  // Later changes in the restored database are kept.
  for (const statement of CASES.flatMap(({ after = [] }) => after)) await restored?.sql.query(statement)
  const second = await carry()
  expect(second.stderr).toBe('')
  const later = Object.fromEntries(CASES.map(({ name, is, later: other = is }) => [name, other]))
  expect(await answers()).toEqual(later)
}, 60_000)

test('every table of the schema is carried over, or is listed with the reason why not', async () => {
  const rows = await former?.sql.query(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`,
  )
  const carried = new Set([...[...ROWS, ...REMOVALS].map(({ table }) => table), ...USAGE_TABLES, ...Object.keys(BEGUN)])
  const named = [...carried, ...Object.keys(LEFT)]
  expect(named.toSorted()).toEqual(rows?.map(({ name }) => String(name)).toSorted())
})
