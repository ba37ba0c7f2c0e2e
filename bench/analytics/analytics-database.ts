import { Client } from 'pg'
import { connect } from '../../local/support/connect.ts'
import { migrateUp } from '../../local/support/migrations.ts'
import type { Sql } from '../../src/db/client.ts'
import { foldPlatformUsage } from '../../src/metering/fold-platform.ts'
import {
  eventTasks,
  hourlyTasks,
  inPairs,
  LARGE,
  lastTasks,
  otherId,
  overviewTasks,
  rollUpTasks,
} from './analytics-fill.ts'

const TABLES = ['usage_hourly', 'usage_totals', 'usage_slices', 'usage_daily_slices', 'usage_periods']

const DAY_MS = 86_400_000

/** Migrates an empty database and fills it with `events` events of the year before `end`. */
export async function fill(url: string, events: number, end: Date): Promise<void> {
  await overHttp(url, (sql) => migrateUp(sql, undefined, () => undefined))
  const clients = [new Client({ connectionString: url }), new Client({ connectionString: url })]
  for (const client of clients) {
    await client.connect()
    await client.query(
      `set synchronous_commit = off; set work_mem = '384MB'; set maintenance_work_mem = '512MB'; set timezone = 'UTC'`,
    )
  }
  try {
    await fillWith(clients, events, end)
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
  await logDuration('sums of all organizations', () => overHttp(url, foldAll))
}

/** Uses the database as the Worker does. */
async function overHttp(url: string, work: (sql: Sql) => Promise<void>): Promise<void> {
  const { sql, close } = await connect({ ...process.env, DATABASE_URL: url })
  try {
    await work(sql)
  } finally {
    await close()
  }
}

/** Runs the product's own job as often as needed; but the last two hours stay unfolded, to be read live, the most that may be. */
async function foldAll(sql: Sql): Promise<void> {
  await sql.query('update usage_platform_progress set folded_until = (select min(hour) from usage_totals)')
  for (let behind = 1; behind > 0; ) behind = (await foldPlatformUsage({ sql })).behind
  await sql.query(
    `update usage_platform_progress set folded_until = (select max(hour) from usage_totals) - interval '1 hour'`,
  )
  await sql.query('vacuum analyze usage_platform_hours, usage_platform_days, usage_platform_months')
}

/** Turns off logging and drops keys while it runs: they are restored afterwards, in bulk. */
async function fillWith(clients: readonly Client[], events: number, end: Date): Promise<void> {
  const [client] = clients as [Client]
  const partitions = await prepare(client, end)
  await logDuration('raw events', () => inPairs(clients, eventTasks(events, end)))
  const keys = await dropKeys(client, TABLES)
  await logDuration('hourly', () => inPairs(clients, hourlyTasks(daysApart(end, 15))))
  await logDuration('totals, slices', () => inPairs(clients, rollUpTasks()))
  await logDuration('the rest', () => inPairs(clients, lastTasks(events)))
  await logDuration('overview', () => inPairs([client], overviewTasks(end)))
  await logDuration('keys', () => inPairs(clients, keys))
  await logDuration('vacuum', () =>
    inPairs(
      clients,
      [...TABLES, ...partitions].map((table) => `vacuum analyze ${table}`),
    ),
  )
  await client.query('analyze usage_events')
}

async function prepare(client: Client, end: Date): Promise<string[]> {
  await client.query(`insert into plans (id, name, limits, features) values ('bench', 'Bench', $1, '{}')`, [
    JSON.stringify({
      rate_limit_per_minute: 60,
      max_api_keys: 10,
      meters: { api_calls: { limit: 1_000_000, at_limit: 'block' } },
    }),
  ])
  await client.query(
    `insert into organizations (id, name, slug, plan_id) values ('${LARGE}', 'Large', 'large', 'bench')`,
  )
  await client.query(`insert into plans (id, name, prices, limits, features)
    select 'bench-' || n, name, prices, limits, features
    from plans, generate_series(1, 4) as n where id = 'bench'`)
  await client.query(`insert into organizations (id, name, slug, plan_id)
    select ${otherId('n')}, 'Other ' || n, 'other-' || n, 'bench-' || (1 + n % 4) from generate_series(0, 999) as n`)
  await client.query(
    `select ensure_usage_partition((date_trunc('month', $1::timestamptz) - make_interval(months => n))::date) from generate_series(0, 12) as n`,
    [end],
  )
  const { rows } = await client.query(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'usage_events'::regclass`,
  )
  const partitions = rows.map((row) => String(row.name))
  for (const table of [...TABLES, ...partitions]) await client.query(`alter table ${table} set unlogged`)
  return partitions
}

/** @returns the statements that restore them */
async function dropKeys(client: Client, tables: readonly string[]): Promise<string[]> {
  const { rows } = await client.query(
    `select conrelid::regclass::text as on_table, conname, pg_get_constraintdef(oid) as definition from pg_constraint
     where contype = 'p' and conrelid = any($1::regclass[])`,
    [tables],
  )
  for (const row of rows) await client.query(`alter table ${row.on_table} drop constraint "${row.conname}"`)
  return rows.map((row) => `alter table ${row.on_table} add constraint "${row.conname}" ${row.definition}`)
}

function daysApart(end: Date, days: number): string[] {
  const last = end.getTime() + DAY_MS
  const first = end.getTime() - 366 * DAY_MS
  const count = Math.ceil((last - first) / (days * DAY_MS)) + 1
  // Whole days: otherwise an hour in two spans would be in the roll-up twice.
  return Array.from({ length: count }, (_, at) => `${new Date(first + at * days * DAY_MS).toISOString().slice(0, 10)}Z`)
}

async function logDuration(what: string, work: () => Promise<void>): Promise<void> {
  const started = performance.now()
  await work()
  console.error(`${what}: ${Math.round((performance.now() - started) / 1000)} s`)
}
