import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { seedFoundation } from '../../../local/support/seed-data.ts'
import { listKeys } from '../../../src/admin/keys/queries.ts'
import { ormOver } from '../../../src/db/orm.ts'
import { migratedDatabase } from '../scripts/support.ts'

let database: Awaited<ReturnType<typeof migratedDatabase>>

beforeAll(async () => {
  database = await migratedDatabase()
  const { platformId } = await seedFoundation(database.sql)
  await database.sql.query(
    `insert into api_keys (id, organization_id, name, key_hash, key_prefix, key_hint, environment)
     select gen_random_uuid(), $1::uuid, 'Name ' || md5(n::text), sha256(n::text::bytea), 'ck',
       'ck_live_' || left(md5(n::text), 2) || '…' || right(md5(n::text), 4), 'live' from generate_series(1, 30000) n`,
    [platformId],
  )
  await database.sql.query('analyze api_keys')
}, 60_000)

afterAll(() => database.close())

/** Runs a search, and explains its statement with the same parameters. */
async function explain(filter: Parameters<typeof listKeys>[1]) {
  const sent = vi.spyOn(globalThis, 'fetch')
  const rows = await listKeys(ormOver(database.sql), filter, new Date(), { limit: 20, after: undefined })
  const { queries } = JSON.parse(sent.mock.calls.at(-1)?.[1]?.body as string) as {
    queries: { query: string; params: unknown[] }[]
  }
  sent.mockRestore()
  const { query = '', params = [] } = queries.at(-1) ?? {}
  const plan = await database.sql.query(`explain ${query}`, params)
  return { rows, plan: plan.map((row) => row['QUERY PLAN']).join('\n') }
}

test.each([
  [{ hint: 'ab12' }, ['api_keys_hint', 'api_keys_hint_end']],
  [{ hint: 'ck_live_ab' }, ['api_keys_hint']],
  [{ hint: '…ab12' }, ['api_keys_hint_end']],
  [{ name: 'name abc1' }, ['api_keys_name']],
  [{ hint: 'ab12', name: 'name abc1' }, ['api_keys_']],
])('a search for %j among many keys uses an index', async (filter, indexes) => {
  const { plan } = await explain(filter)
  for (const index of indexes) expect(plan).toContain(index)
  expect(plan).not.toContain('Seq Scan on api_keys')
})

test('a key is found by the start of its name, case-insensitively, and by its last four characters', async () => {
  const [one] = await database.sql.query(`select id, name, key_hint from api_keys where name like 'Name %' limit 1`)
  for (const filter of [{ name: one?.name.toUpperCase() }, { hint: one?.key_hint.slice(-4) }, { hint: one?.key_hint }])
    expect((await explain(filter)).rows.map(({ id }) => id)).toContain(one?.id)
})
