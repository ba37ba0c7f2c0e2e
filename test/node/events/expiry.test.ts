import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { seedFoundation } from '../../../local/support/seed-data.ts'
import type { Deps } from '../../../src/deps.ts'
import { notifyExpiry } from '../../../src/events/expiry.ts'
import { migratedDatabase } from '../scripts/support.ts'

const [HOUR, DAY] = [3_600_000, 24 * 3_600_000]
const NOON = Date.UTC(2031, 4, 31, 12)

let database: Awaited<ReturnType<typeof migratedDatabase>>
let organizationId: string

beforeAll(async () => {
  database = await migratedDatabase()
}, 60_000)

afterAll(() => database.close())

beforeEach(async () => {
  await database.sql.query('truncate plans, organizations, users, retention_progress cascade')
  organizationId = (await seedFoundation(database.sql)).platformId
  await database.sql.query(
    `insert into webhook_endpoints (id, organization_id, url, secret, events) values (gen_random_uuid(), $1, 'https://example.com', ''::bytea, '{}')`,
    [organizationId],
  )
})

/** @param readings the successive readings of the clock; the last one is repeated */
function run(at: number, readings: readonly number[] = [at]) {
  const left = [...readings]
  const deps = { sql: database.sql, now: () => left.shift() ?? readings.at(-1) ?? at }
  return notifyExpiry(deps as unknown as Deps, at)
}

const addKeys = (count: number, expiresAt: number) =>
  database.sql.query(
    `insert into api_keys (id, organization_id, name, key_hash, key_prefix, key_hint, environment, expires_at, created_at)
     select gen_random_uuid(), $1::uuid, 'One', sha256(gen_random_uuid()::text::bytea), 'ck', 'ck', 'live', $3::timestamptz, '2001-01-01' from generate_series(1, $2::int)`,
    [organizationId, count, new Date(expiresAt).toISOString()],
  )

async function published() {
  const rows = await database.sql.query('select type, count(*)::int as events from webhook_deliveries group by type')
  return Object.fromEntries(rows.map(({ type, events }) => [type, events]))
}

test('expiries while no run succeeded are published once by the next run, with the state of the organization', async () => {
  await run(NOON)
  await addKeys(1, NOON + HOUR)
  await run(NOON + 2 * DAY)
  await run(NOON + 2 * DAY + 60_000)
  expect(await published()).toEqual({ 'key.expired': 1, 'organization.state': 1 })
})

test('a key that expired in an outage is not published as one that expires soon', async () => {
  await run(NOON)
  await addKeys(1, NOON + DAY + HOUR)
  await run(NOON + 3 * DAY)
  expect(await published()).toEqual({ 'key.expired': 1, 'organization.state': 1 })
})

test('a run looks back at most a week', async () => {
  await run(NOON)
  await addKeys(1, NOON + HOUR)
  await run(NOON + 9 * DAY)
  expect(await published()).toEqual({})
})

test('keys that expire at the same time are published in batches, and the next run continues one that ran out of time', async () => {
  await run(NOON)
  await addKeys(2_500, NOON + HOUR)
  const at = NOON + HOUR + 30_000
  // no key expires in 7 days or in 1 day; then the time runs out after the first batch of expired keys
  expect(await run(at, [at, at, at, at + 20_000])).toMatchObject({ left: true })
  expect((await published())['key.expired']).toBe(1_000)
  expect(await run(at + 60_000)).toMatchObject({ left: false })
  expect((await published())['key.expired']).toBe(2_500)
})

test('a position in the future does not stop the run', async () => {
  await run(NOON + 300 * DAY)
  await addKeys(1, NOON)
  await run(NOON)
  expect((await published())['key.expired']).toBe(1)
})
