import { afterAll, beforeAll, expect, test } from 'vitest'
import { migratedDatabase } from './support.ts'

/** Two connections need a real Postgres: the embedded one has a single one. */
const isReal = Boolean(process.env.DATABASE_URL)

let database: Awaited<ReturnType<typeof migratedDatabase>>
beforeAll(async () => {
  database = await migratedDatabase()
})
afterAll(() => database.close())

const DROPS = [
  ['events', `drop_usage_partitions_before('usage_events_9999_99')`],
  ['ids of events', 'drop_usage_dedupe_before(2000000000)'],
  ['audit rows', `drop_audit_partitions_before('9999_99')`],
] as const

test.runIf(isReal).each(DROPS)('two processes can drop the same partitions of %s at once', async (_, drop) => {
  const { sql } = database
  const first = sql.transaction([sql.query(`select ${drop} as dropped`), sql.query(`select pg_sleep(1)`)])
  await expect
    .poll(() => sql.query(`select 1 from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'`))
    .toHaveLength(1)
  expect(await sql.query(`select ${drop} as dropped`)).toEqual([{ dropped: 0 }])
  const [[row] = []] = (await first) as { dropped: number }[][]
  expect(row?.dropped).toBeGreaterThan(0)
})

test('no function that changes partitions waits long for a table', async () => {
  const rows = await database.sql.query(
    `select proname as name from pg_proc where proname ~ '^(ensure|drop)_.*(partition|before)'
       and not coalesce(proconfig, '{}') @> array['lock_timeout=3s']`,
  )
  expect(rows).toEqual([])
})
