import { PgDialect } from 'drizzle-orm/pg-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { carryUsage } from '../../../local/restore/carry-usage.ts'
import type { Sql } from '../../../src/db/client.ts'
import type { Database as Orm } from '../../../src/db/orm.ts'
import type { Deps } from '../../../src/deps.ts'
import { type UsageEvent, VERIFICATION } from '../../../src/metering/event.ts'
import { type Outcome, writeUsage } from '../../../src/metering/write.ts'
import { claimCorrection } from '../../../src/usage/corrections/queries.ts'
import { SOURCE as REPORT } from '../../../src/usage/reporting/read-item.ts'
import { migratedDatabase } from './support.ts'

type Database = Awaited<ReturnType<typeof migratedDatabase>>
let [former, restored]: Database[] = []
beforeAll(async () => {
  ;[former, restored] = await Promise.all([migratedDatabase('former'), migratedDatabase()])
})
afterAll(() => Promise.all([former?.close(), restored?.close()]))

const [OWNER, KEY] = ['01990000-0000-7000-9000-000000000001', '01990000-0000-7000-a000-000000000001']
const SINCE = new Date(Date.now() - 60_000).toISOString()
const AT = new Date().toISOString()
const use = { organization_id: OWNER, key_id: KEY, occurred_at: AT, environment: 'live' }
const trace = { plan: 'free', versions: [1, 1] } as const
const idOf = (place: number) => `01990000-0000-7000-8000-00000000000${place}`
const [DECIDED, REFUSED, ONCE, ANSWERED, LATE] = [idOf(0), idOf(1), idOf(2), idOf(3), idOf(4)]
const verified = { ...use, source: VERIFICATION, status_code: 200, api_calls: 1, trace }

const EVENTS: readonly UsageEvent[] = [
  { ...verified, id: DECIDED },
  { ...verified, id: REFUSED, status_code: 429, api_calls: 0, error_code: 'RATE_LIMITED' },
  {
    ...verified,
    id: 'a-hash-of-a-key-of-idempotency',
    request_id: ONCE,
    trace: { ...trace, request: ONCE },
  },
  { ...verified, id: ANSWERED },
  {
    ...use,
    occurred_at: AT.replace('Z', '001Z'), // as read-item.ts stores it
    id: ANSWERED,
    source: REPORT,
    completes: ANSWERED,
    requests: 0,
    status_code: 500,
    model: 'm',
    input_tokens: 5,
  },
  { ...use, id: 'waits', source: REPORT, completes: LATE, requests: 0, status_code: 502 },
  {
    ...use,
    id: 'mine',
    source: REPORT,
    payload_hash: 'ab'.repeat(32),
    api_calls: 2,
    subject: 'anna',
    cost_usd: '0.25',
  },
  { ...use, id: 'exactly-what-was-sent', api_calls: 1 },
]

function between(one: Database | undefined, other: Database | undefined) {
  if (!one || !other) throw new Error('There is no database.')
  return { former: one.sql, restored: other.sql, since: SINCE, moment: SINCE }
}

const deferred: Promise<unknown>[] = []
const depsOf = ({ sql }: Database) =>
  ({ sql, defer: (work: Promise<unknown>) => deferred.push(work) }) as unknown as Deps

async function write(database: Database | undefined, events: readonly UsageEvent[]): Promise<readonly Outcome[]> {
  if (!database) throw new Error('There is no database.')
  const outcomes: Outcome[] = []
  for (const event of events) outcomes.push(...(await writeUsage(depsOf(database), [event])).outcomes)
  await Promise.all(deferred)
  return outcomes
}

const TABLES = [
  'usage_events',
  'usage_hourly',
  'usage_totals',
  'usage_slices',
  'usage_daily_slices',
  'usage_periods',
  'usage_subject_days',
  'usage_meter_subject_days',
  'usage_verdicts',
  'usage_completions',
  'usage_request_ids',
]
/** The time at which a row was written, which is not carried over. */
const MOMENTS = ['ingested_at', 'updated_at', 'created_at', 'tried_at']

async function readAll(database: Database | undefined) {
  const tables = TABLES.map(async (table) => {
    const rows = await database?.sql.query(`select to_jsonb(t) - $1::text[] as kept from ${table} t order by 1`, [
      MOMENTS,
    ])
    return [table, rows?.map(({ kept }) => kept)]
  })
  return Object.fromEntries(await Promise.all(tables))
}

test('usage that arrived after the restored moment is in every sum, unchanged', async () => {
  expect(new Set(await write(former, EVENTS))).toEqual(new Set(['accepted']))
  const carried = await carryUsage(between(former, restored))
  expect(carried).toBe(EVENTS.length)
  expect(await readAll(restored)).toEqual(await readAll(former))
})

test('it is carried once, and every id is known: repeats of all of it count nothing', async () => {
  expect(await carryUsage(between(former, restored))).toBe(0)
  expect(new Set(await write(restored, EVENTS))).toEqual(new Set(['duplicate']))
  expect(await readAll(restored)).toEqual(await readAll(former))
})

test('a report that comes later completes its request once, in the restored database as in the former one', async () => {
  const again = {
    ...use,
    id: 'another-report',
    source: REPORT,
    completes: ANSWERED,
    requests: 0,
    status_code: 418,
  }
  for (const database of [former, restored]) await write(database, [again, { ...verified, id: LATE }])
  expect(await readAll(restored)).toEqual(await readAll(former))
})

/** Claims a correction, as the Worker does in a batch. */
async function claim(database: Database | undefined, key: string): Promise<void> {
  const orm = { execute: (query: Parameters<PgDialect['sqlToQuery']>[0]) => new PgDialect().sqlToQuery(query) }
  const { sql, params } = (await claimCorrection(orm as unknown as Orm, OWNER, key)) as unknown as {
    readonly sql: string
    readonly params: unknown[]
  }
  await database?.sql.query(sql, params)
}

test('a correction that the restored database does not have can be made there again', async () => {
  const key = 'correction mine of-its-fields'
  await claim(former, key)
  await carryUsage(between(former, restored))
  const isKnown = async ({ sql }: Database) =>
    (
      await sql.query(
        `select 1 from usage_dedupe where organization_id = $1 and key = sha256(convert_to($2, 'UTF8'))`,
        [OWNER, key],
      )
    ).length > 0
  const known = [former, restored].map((database) => database && isKnown(database))
  expect(await Promise.all(known)).toEqual([true, false])
})

test('ids are carried over ten thousand at a time, all of them', async () => {
  const [own] = (await former?.sql.query('select usage_dedupe_generation(now()) as generation')) ?? []
  await former?.sql.query(
    `insert into usage_dedupe (organization_id, key, payload_hash, generation)
     select $1::uuid, sha256(convert_to('bulk ' || n, 'UTF8')), sha256(''), $2::integer from generate_series(1, 20001) n`,
    [OWNER, own?.generation],
  )
  const pages: number[] = []
  const both = between(former, restored)
  const counting = {
    async query(text: string, parameters: unknown[]) {
      const rows = await both.former.query(text, parameters)
      if (text.includes('from usage_dedupe where')) pages.push(rows.length)
      return rows
    },
  }
  await carryUsage({ ...both, former: counting as unknown as Sql })
  expect(pages.slice(0, 2)).toEqual([10_000, 10_000])
  const count = `select count(*)::int as ids from usage_dedupe where payload_hash = sha256('')`
  expect(await restored?.sql.query(count)).toEqual(await former?.sql.query(count))
}, 60_000)
