/**
 * Erases data with a limited lifetime from rows that stay: addresses and devices after 30 days, payloads of payment providers
 * after 90. Passes through each table once, usage events twice, in time order, and stores the position.
 */
import { requireFeature } from '../config-features.ts'
import type { Deps } from '../deps.ts'
import { firstIdAt } from '../lib/id-time.ts'
import { errorFields, log } from '../lib/log.ts'
import { toMonth } from '../lib/period.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const ADDRESS_DAYS = 30
const PAYLOAD_DAYS = 90
/** Events arrive up to 35 days late, so their hours are processed a second time after this many days. */
const LATE_EVENT_DAYS = 37
/** The audit log's guard uses the clock of Postgres, which may be behind this one. */
const CLOCK_SKEW_MS = HOUR_MS
/** Rows per statement: well within its timeout, even on the smallest database. */
const BATCH_ROWS = 5_000
/** After this time a run leaves the rest to the next one. */
export const RUN_MS = 20_000

interface Erased {
  readonly table: string
  readonly columns: readonly string[]
  /** The columns' value after the erasure, as SQL. */
  readonly empty: string
  /** The column with the row's time. */
  readonly time: string
  readonly days: number
}

const ADDRESSES = { columns: ['ip', 'user_agent'], empty: 'null', days: ADDRESS_DAYS }

/** Tables whose ids begin with the time of their row. */
const BY_ID: readonly Erased[] = [
  { table: 'audit_logs', time: 'created_at', ...ADDRESSES },
  { table: 'sessions', time: 'created_at', ...ADDRESSES },
  {
    table: 'billing_events',
    time: 'received_at',
    columns: ['payload'],
    empty: `'null'::jsonb`,
    days: PAYLOAD_DAYS,
  },
]

const EVENTS: Erased = { table: 'usage_events', time: 'occurred_at', ...ADDRESSES }

/** Every table from which something is erased (docs/operate/retention.md). */
export const ERASED: readonly Erased[] = [...BY_ID, EVENTS]

interface Run {
  readonly sql: Deps['sql']
  /** The time from which ages are measured. */
  readonly at: number
  readonly isOver: () => boolean
}

/**
 * If a table fails, the others continue.
 *
 * @returns how many rows of each table were erased
 * @throws Error that names the tables that failed
 */
export async function eraseOldData({ sql, config, now }: Pick<Deps, 'sql' | 'config' | 'now'>, at: number) {
  const end = now() + RUN_MS
  const run: Run = { sql, at: Math.min(at, now()) - CLOCK_SKEW_MS, isOver: () => now() >= end }
  const first = () => {
    requireFeature(config, 'usage_retention') // a guess could skip months
    return toMonth(run.at - config.USAGE_RETENTION_DAYS * DAY_MS).start
  }
  const steps: Record<string, () => Promise<number>> = {
    ...Object.fromEntries(BY_ID.map((one) => [one.table, () => eraseById(run, one)])),
    usage_events: async () => eraseByTime(run, { task: 'usage_events', first: first(), days: ADDRESS_DAYS }),
    late_usage_events: async () =>
      eraseByTime(run, { task: 'late_usage_events', first: first(), days: LATE_EVENT_DAYS }),
  }
  const erased: Record<string, number> = {}
  for (const [name, step] of Object.entries(steps)) {
    try {
      erased[name] = await step()
    } catch (error) {
      log('error', 'old_data_not_erased', { table: name, ...errorFields(error) })
    }
  }
  const failed = Object.keys(steps).filter((name) => !(name in erased))
  if (failed.length > 0) throw new Error(`Not erased: ${failed.join(', ')}.`)
  return erased
}

const isFull = ({ columns, empty }: Erased) => columns.map((name) => `${name} is distinct from ${empty}`).join(' or ')
const toEmpty = ({ columns, empty }: Erased) => columns.map((name) => `${name} = ${empty}`).join(', ')

/** Concurrent runs may do the same work twice; neither moves the position back. */
const MOVE = `insert into retention_progress as known (task, position, updated_at) select $1, position, now() from moved
  on conflict (task) do update set position = excluded.position, updated_at = now()
  where known.position collate "C" < excluded.position`

const START = '00000000-0000-0000-0000-000000000000'

/** The condition on the time lets Postgres skip newer partitions. */
const buildById = (one: Erased) => `
with known as (
  select coalesce((select position from retention_progress where task = $1), '${START}')::uuid as position
), passed as materialized (
  select id from ${one.table} where id > (select position from known) and id < $2::uuid and ${one.time} < $3::timestamptz
  order by id limit ${BATCH_ROWS}
), erased as (
  update ${one.table} set ${toEmpty(one)} where id in (select id from passed) and ${one.time} < $3::timestamptz and (${isFull(one)})
  returning 1
), moved as (
  select id::text as position from passed order by id desc limit 1
), noted as (${MOVE})
select (select count(*)::int from passed) as passed, (select count(*)::int from erased) as erased`

async function eraseById({ sql, at, isOver }: Run, one: Erased): Promise<number> {
  const until = at - one.days * DAY_MS
  const parameters = [`erase ${one.table}`, firstIdAt(until), new Date(until).toISOString()]
  const statement = buildById(one)
  let erased = 0
  while (!isOver()) {
    const [batch] = await sql.query(statement, parameters)
    erased += Number(batch?.erased)
    if (Number(batch?.passed) < BATCH_ROWS) break
  }
  return erased
}

interface Spans {
  readonly task: string
  /** Where to begin, if nothing is done yet. */
  readonly first: number
  readonly days: number
}

const IS_WITHIN = 'occurred_at >= $2::timestamptz and occurred_at < $3::timestamptz'

/** The position moves once the span is finished. */
const ERASE_SPAN = `
with erased as (
  update usage_events set ${toEmpty(EVENTS)} where (organization_id, occurred_at, id) in (
    select organization_id, occurred_at, id from usage_events where ${IS_WITHIN} and (${isFull(EVENTS)}) limit ${BATCH_ROWS}
  ) and ${IS_WITHIN} returning 1
), counted as (
  select count(*)::int as rows from erased
), moved as (
  select $4::text as position from counted where rows < ${BATCH_ROWS}
), noted as (${MOVE})
select rows as erased from counted`

/**
 * Raw events have no id that sorts by time, but a block range index (BRIN) on the time. Erases one hour at a time, or several
 * together if they contain little.
 */
async function eraseByTime({ sql, at, isOver }: Run, { task, first, days }: Spans): Promise<number> {
  const name = `erase ${task}`
  const [known] = await sql.query('select position from retention_progress where task = $1', [name])
  const until = Math.floor((at - days * DAY_MS) / HOUR_MS) * HOUR_MS
  let [from, step, total] = [Math.max(first, Date.parse(known?.position ?? '') || 0), HOUR_MS, 0]
  while (from < until && !isOver()) {
    const to = iso(Math.min(from + step, until))
    const [row] = await sql.query(ERASE_SPAN, [name, iso(from), to, to])
    const erased = Number(row?.erased)
    total += erased
    if (erased < BATCH_ROWS) from = Date.parse(to)
    step = erased < BATCH_ROWS / 4 ? Math.min(2 * step, DAY_MS) : HOUR_MS
  }
  return total
}

const iso = (at: number) => new Date(at).toISOString()
