import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { PRUNED } from '../../../src/jobs/registry.ts'
import { firstIdAt } from '../../../src/lib/id-time.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { ERASED, eraseOldData } from '../../../src/privacy/erase-old.ts'
import { migratedDatabase, ROOT } from './support.ts'

const [HOUR, DAY] = [3_600_000, 24 * 3_600_000]
/**
 * Noon of the latest 28th, whatever day it is: everything written here is then in months whose events are kept, and at least as
 * old as Postgres's clock says, by which it protects audit rows.
 */
const NOW = latest28th(new Date())

function latest28th(now: Date): number {
  const months = now.getUTCDate() < 28 ? -1 : 0
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 28, 12)
}
const config = { USAGE_RETENTION_DAYS: 90, faults: [] } as unknown as Parameters<typeof eraseOldData>[0]['config']
const user = uuidv7(0)
const database = await migratedDatabase()
const { sql } = database

beforeAll(async () => {
  await sql.query(`insert into users (id, email) values ($1, 'ada@example.com')`, [user])
})

afterAll(() => database.close())

const iso = (at: number) => new Date(at).toISOString()
const run = (at = NOW) => eraseOldData({ sql, config, now: () => NOW }, at)

const WRITE: Record<string, (at: number) => Promise<unknown>> = {
  audit_logs: (at) =>
    sql.query(
      `insert into audit_logs (id, actor_type, action, result, ip, user_agent, created_at) values ($1, 'system', 'x', 'success', '192.0.2.7', 'curl', $2)`,
      [uuidv7(at), iso(at)],
    ),
  sessions: (at) =>
    sql.query(
      `insert into sessions (id, user_id, ip, user_agent, created_at, expires_at) values ($1, $2, '192.0.2.7', 'curl', $3, now())`,
      [uuidv7(at), user, iso(at)],
    ),
  billing_events: (at) =>
    sql.query(
      `insert into billing_events (id, provider, event_id, type, payload, state, outcome, occurred_at, received_at)
       values ($1, 'polar', $1::uuid::text, 'order.paid', '{"data":{"customer":{"email":"ada@example.com"}}}', 'done', 'applied', $2, $2)`,
      [uuidv7(at), iso(at)],
    ),
  usage_events: (at) =>
    sql.query(
      `insert into usage_events (organization_id, id, occurred_at, ip, user_agent) values ($1, $2, $3, '192.0.2.7', 'curl')`,
      [user, uuidv7(at), iso(at)],
    ),
}

/** @returns the ages in days of the rows that still have the erasable data, youngest first */
async function full(table: string): Promise<number[]> {
  const { columns, time = '' } = ERASED.find((one) => one.table === table) ?? { columns: [] }
  const text = columns.map((name) => `nullif(${name}::text, 'null')`).join(', ')
  const rows = await sql.query(
    `select round(extract(epoch from $1::timestamptz - ${time}) / 86400)::int as age from ${table} where coalesce(${text}) is not null order by 1`,
    [iso(NOW)],
  )
  return rows.map((row) => row.age)
}

test('data past its retention is erased from every such table, once, and nothing else of its row', async () => {
  expect(Object.keys(WRITE).toSorted()).toEqual(ERASED.map(({ table }) => table).toSorted())
  for (const { table } of ERASED)
    for (const age of [1, 29, 32, 36, 60, 89, 92, 110]) await WRITE[table]?.(NOW - age * DAY)
  expect(await run()).toEqual({ audit_logs: 6, sessions: 6, billing_events: 2, usage_events: 6, late_usage_events: 0 })
  for (const { table, days } of ERASED)
    expect([table, await full(table)]).toEqual([table, days === 90 ? [1, 29, 32, 36, 60, 89] : [1, 29]])
  const [event] = await sql.query(`select * from billing_events where payload = 'null' limit 1`)
  expect(event).toMatchObject({ provider: 'polar', type: 'order.paid', state: 'done', outcome: 'applied' })
  expect(event?.event_id).toBe(event?.id)
  expect(await run()).toEqual({ audit_logs: 0, sessions: 0, billing_events: 0, usage_events: 0, late_usage_events: 0 })
})

test('an event that arrived late has its hour checked again', async () => {
  await run()
  await WRITE.usage_events?.(NOW - 38 * DAY) // its hour was processed when it was 30 days old
  await sql.query(`update retention_progress set position = $1 where task = 'erase late_usage_events'`, [
    iso(NOW - 40 * DAY),
  ])
  expect(await run()).toMatchObject({ usage_events: 0, late_usage_events: 1 })
})

test('a run with a fast clock erases nothing too early, and a position never goes back', async () => {
  await WRITE.audit_logs?.(NOW - 30 * DAY + HOUR)
  await run(NOW + 400 * DAY)
  expect(await full('audit_logs')).toContain(30)
  const positions = () => sql.query('select task, position from retention_progress order by task')
  const before = await positions()
  await run(NOW - 5 * DAY)
  expect(await positions()).toEqual(before)
})

test('a table that cannot be erased does not stop the others, and is logged', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  await WRITE.billing_events?.(NOW - 91 * DAY - 2 * HOUR)
  await sql.query(`update retention_progress set position = $1 where task = 'erase billing_events'`, [
    firstIdAt(NOW - 92 * DAY),
  ])
  await sql.query(`update retention_progress set position = 'broken' where task = 'erase sessions'`)
  await expect(run()).rejects.toThrow('Not erased: sessions.')
  expect(logged.mock.calls.map(([line]) => JSON.parse(String(line)))).toMatchObject([
    { event: 'old_data_not_erased', table: 'sessions' },
  ])
  logged.mockRestore()
  expect(await full('billing_events')).not.toContain(91)
})

test('every column with an address or a device is erased after its time, or its rows are deleted', async () => {
  const rows = await sql.query(
    `select c.relname as table, a.attname as column from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and a.attname ~ '(^|_)(ip|address|addr|user_agent|device|payload)(_|$)' order by 1, 2`,
  )
  const known = ERASED.flatMap(({ table, columns }) => columns.map((column) => `${table}.${column}`))
  const pruned = new Set<string>(PRUNED.filter(([, , days]) => days <= 30).map(([table]) => table))
  const kept = rows.filter((row) => !pruned.has(row.table) && !row.column.endsWith('_hash'))
  expect(kept.map((row) => `${row.table}.${row.column}`)).toEqual(known.toSorted())
})

test('docs/operate/retention.md says of every table how long its rows are kept, and of no other', async () => {
  const page = await readFile(join(ROOT, 'docs/operate/retention.md'), 'utf8')
  const lines = [...page.matchAll(/^\| ((?:`[a-z_]+`(?:, )?)+) \| (.+) \|$/gm)]
  const listed = lines.flatMap(([, names = '', kept = '']) =>
    [...names.matchAll(/`([a-z_]+)`/g)].map(([, name = '']) => [name, kept] as const),
  )
  const rows = await sql.query(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`,
  )
  expect(listed.map(([name]) => name).toSorted()).toEqual(rows.map((row) => String(row.name)).toSorted())
  const kept = new Map(listed)
  for (const [table, , days] of PRUNED)
    expect([table, kept.get(table)]).toEqual([
      table,
      expect.stringMatching(days === 0 ? /until they expire/ : new RegExp(`^${days} days?\\b`)),
    ])
  for (const { table, days } of ERASED)
    expect([table, kept.get(table)]).toEqual([table, expect.stringContaining(`after ${days} days`)])
})
