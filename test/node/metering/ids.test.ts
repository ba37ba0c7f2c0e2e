import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Deps } from '../../../src/deps.ts'
import { JOBS } from '../../../src/jobs/registry.ts'
import { RECHECK } from '../../../src/metering/claim-ids.ts'
import type { UsageEvent } from '../../../src/metering/event.ts'
import { FUNCTIONS } from '../../../src/metering/functions/names.ts'
import { migratedDatabase } from '../scripts/support.ts'

const DAY_MS = 86_400_000

let database: Awaited<ReturnType<typeof migratedDatabase>>
/** The generation with which the migration began. */
let first: number
beforeAll(async () => {
  database = await migratedDatabase()
  const [row] = await query('select usage_dedupe_generation(now()) as generation')
  first = row?.generation
})
afterAll(() => database.close())

const query = (text: string, parameters: unknown[] = []) => database.sql.query(text, parameters)

/** As if it were that many generations later. @param isChanging whether the last one ended minutes ago */
async function moveTo(ahead: number, isChanging = false) {
  const before = first + ahead - (isChanging ? 1 : 0)
  await query(`create or replace function usage_dedupe_generation(moment timestamptz) returns integer language sql as
    $$ select case when moment = 'epoch' then ${first} when moment < now() then ${before} else ${first + ahead} end $$`)
}

const event = (id: string, changes: Partial<UsageEvent> = {}): UsageEvent => ({
  id,
  source: 'usage',
  organization_id: ORGANIZATION,
  occurred_at: '2026-11-10T10:20:30.000Z',
  ...changes,
})
const ORGANIZATION = crypto.randomUUID()

async function write(...events: UsageEvent[]) {
  const [row] = await query(`select * from ${FUNCTIONS.recordUsage}($1)`, [JSON.stringify(events)])
  const { accepted, others } = row as { accepted: number; others: [number, string | null][] }
  return [accepted, ...others.map(([, outcome]) => outcome)]
}

const claimedIn = async (id: string) =>
  (
    await query(
      `select generation, tableoid::regclass::text as partition from usage_dedupe
       where key = sha256(convert_to('usage ' || $1, 'UTF8')) order by generation`,
      [id],
    )
  ).map(({ generation, partition }) => [generation - first, partition])

describe('an id', () => {
  test('is found in whichever generation it was claimed: a repeat is a duplicate, another event a conflict', async () => {
    for (const [ahead, id] of ['one', 'two', 'three', 'four'].entries()) {
      await moveTo(ahead)
      expect(await write(event(id))).toEqual([1])
      for (const known of ['one', 'two', 'three', 'four'].slice(0, ahead + 1)) {
        expect(await write(event(known))).toEqual([0, 'duplicate'])
        const moved = { occurred_at: new Date(Date.UTC(2026, 10, 11 + ahead)).toISOString() }
        expect(await write(event(known, moved))).toEqual([0, 'conflict'])
      }
    }
    const [row] = await query('select sum(requests)::int as requests from usage_totals where organization_id = $1', [
      ORGANIZATION,
    ])
    expect(row?.requests).toBe(4)
  })

  test('is claimed in both generations if one has just begun, and in one otherwise', async () => {
    await moveTo(4)
    await write(event('before'))
    await moveTo(5, true)
    expect(await write(event('while'))).toEqual([1])
    expect(await write(event('while'), event('before'))).toEqual([0, 'duplicate', 'duplicate'])
    await moveTo(5)
    await write(event('after'))
    const generations = async (id: string) => (await claimedIn(id)).map(([generation]) => generation)
    expect(await generations('before')).toEqual([4])
    expect(await generations('while')).toEqual([4, 5])
    expect(await generations('after')).toEqual([5])
  })

  /** Two connections need a real Postgres: the embedded one has a single one. */
  test.runIf(process.env.DATABASE_URL)(
    'counts once if a statement of the last generation and one of the new claim it at the same moment',
    async () => {
      await moveTo(6, true)
      const claimed = `insert into usage_dedupe (organization_id, key, payload_hash, generation)
        values ($1, sha256('usage raced'), sha256(''), $2) returning pg_backend_pid() as pid`
      const holding = database.sql.transaction([query(claimed, [ORGANIZATION, first + 5]), query('select pg_sleep(2)')])
      await expect
        .poll(() =>
          query(`select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`),
        )
        .toHaveLength(1)
      const second = write(event('raced'))
      await holding
      expect((await second)[0]).toBe(0)
      const [late] = await query(RECHECK, [JSON.stringify([event('raced')])])
      expect(late?.others).toEqual([[0, 'conflict']])
    },
  )
})

describe('partitions', () => {
  const ensure = async (ahead: number) =>
    (await query('select ensure_usage_dedupe_partition($1) as made', [first + ahead]))[0]?.made
  const dropBefore = async (ahead: number) =>
    (await query('select drop_usage_dedupe_before($1) as dropped', [first + ahead]))[0]?.dropped
  const partitions = async () =>
    (
      await query(
        `select relname from pg_inherits join pg_class on oid = inhrelid where inhparent = 'usage_dedupe'::regclass order by 1`,
      )
    ).map(({ relname }) => relname)

  test('are created ahead, and an id that came before its own is moved into it and found there', async () => {
    await moveTo(9)
    await write(event('early'))
    expect(await claimedIn('early')).toEqual([[9, 'usage_dedupe_default']])
    expect([await ensure(9), await ensure(9), await ensure(0)]).toEqual([true, false, false])
    expect(await claimedIn('early')).toEqual([[9, `usage_dedupe_${first + 9}`]])
    expect(await write(event('early'))).toEqual([0, 'duplicate'])
  })

  test('are dropped by the job only after every event with their ids would be too late anyway', async () => {
    await moveTo(9)
    const drop = JOBS.find(({ name }) => name === 'drop-usage-partitions')
    const deps = { sql: database.sql, config: { USAGE_RETENTION_DAYS: 400, faults: [] } } as unknown as Deps
    await query(`create or replace function usage_dedupe_generation(moment timestamptz) returns integer language sql as
      $$ select greatest(floor(extract(epoch from moment) / 1036800)::integer, ${first}) $$`)
    const ends = (first + 1) * 12 * DAY_MS
    await drop?.run(deps, ends + 36 * DAY_MS - 1)
    expect(await partitions()).toContain('usage_dedupe_before')
    await drop?.run(deps, ends + 36 * DAY_MS)
    expect(await partitions()).not.toContain('usage_dedupe_before')
    expect(await partitions()).toContain(`usage_dedupe_${first + 1}`)
  })

  test('are dropped completely: those of generations before one', async () => {
    await ensure(10)
    expect(await dropBefore(1)).toBe(0)
    expect(await dropBefore(10)).toBe(2) // one of the migration, one of the previous test
    expect(await partitions()).toEqual([`usage_dedupe_${first + 10}`, 'usage_dedupe_default'])
  })
})

test('the column that the last release prunes by is empty, so it deletes no id of another partition', async () => {
  const [row] = await query('select count(first_seen)::int as dated, count(*)::int as ids from usage_dedupe')
  expect(row).toMatchObject({ dated: 0 })
})
