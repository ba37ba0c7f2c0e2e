import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NOW, OF_RELEASE, type Release, type Statement } from '../../../local/deployment/release-statements.ts'
import { migrateUp } from '../../../local/support/migrations.ts'
import { seedFoundation } from '../../../local/support/seed-data.ts'
import { emptyDatabase } from '../scripts/support.ts'

const { organizationId, keyId, keyHash } = OF_RELEASE

let database: Awaited<ReturnType<typeof emptyDatabase>>
let last: Release

beforeAll(async () => {
  last = JSON.parse(await readFile(new URL('./last-release.json', import.meta.url), 'utf8'))
  database = await emptyDatabase()
  const { sql } = database
  await migrateUp(sql, undefined, () => undefined)
  await seedFoundation(sql)
  await sql.transaction([
    sql.query(`insert into organizations (id, name, slug, plan_id) values ($1, 'Acme', 'acme-of-release', 'free')`, [
      organizationId,
    ]),
    sql.query(
      `insert into api_keys (id, organization_id, name, key_hash, key_prefix, key_hint, environment, scopes)
       values ($2, $1, 'Old', decode($3, 'hex'), 'ck', 'ck_live_ab…cd', 'live', '{read}')`,
      [organizationId, keyId, keyHash],
    ),
  ])
})

afterAll(() => database.close())

/** Runs a statement as that version would run it now. */
function run({ query, params }: Statement) {
  const now = new Date().toISOString()
  return database.sql.query(
    query,
    params.map((param) => param.replaceAll(NOW, now)),
  )
}

test('the last release reads a key from the current schema', async () => {
  const [row] = await run(last.verification)
  expect(row).toMatchObject({
    id: keyId,
    organization_id: organizationId,
    name: 'Old',
    scopes: ['read'],
    plan_id: 'free',
  })
  expect(row?.limits).toHaveProperty('rate_limit_per_minute')
})

test('it writes usage into it, and a repeat counts once', async () => {
  for (const accepted of [1, 0]) {
    const [row] = await run(last.write)
    expect(row).toMatchObject({ sent: 1, accepted })
  }
  const [sum] = await database.sql.query(
    'select sum(api_calls)::int as calls from usage_periods where organization_id = $1',
    [organizationId],
  )
  expect(sum?.calls).toBe(1)
  const [after] = await run(last.verification)
  expect(Number(after?.even_calls) + Number(after?.odd_calls) + Number(after?.api_calls)).toBeGreaterThan(0)
})
