/**
 * Merges hourly sums into daily sums once they are 13 months old: one row replaces the rows of a UTC day, in the hour
 * of its noon. Queries for whole UTC days return the same, and in most time zones noon is on the day of that date.
 */
import { requireFeature } from '../config-features.ts'
import type { Sql } from '../db/client.ts'
import { COUNTER_COLUMNS } from '../db/schema/meters.ts'
import { LATENCY_COLUMNS } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { toMonth } from '../lib/period.ts'
import { hoursKeptFrom } from './kept-hours.ts'
import { addTo, groupRows, HOURLY, METER_HOURS, SLICES, sumColumns, TOTALS } from './roll-up-sql.ts'

const DAY_MS = 24 * 3_600_000
/** Rows that one statement replaces: well within its timeout, even on the smallest database. */
const BATCH_ROWS = 10_000
/** After this time a run leaves the rest to the next run. */
export const RUN_MS = 20_000
const TASK = 'compact hours'

const TIMES = ['response_time_ms_sum', 'response_time_count', ...LATENCY_COLUMNS]
const SUMS = ['requests', 'errors', ...COUNTER_COLUMNS, ...TIMES]
const PLATFORM_HOURS = ['dimension', 'value', 'hour', 'plan_id']

const NOON = `($1::timestamptz + interval '12 hours')`
const IS_DUE = `hour >= $1::timestamptz and hour < $1::timestamptz + interval '1 day' and hour <> ${NOON}`

/** Rows are stored in the order of their hours, so a block range index finds those of a day. */
const findByHour = (table: string) => `select ctid from ${table} where ${IS_DUE} limit ${BATCH_ROWS}`

/** No index has only the hours of slices. Their days show which values exist; "offset 0" makes Postgres use the primary key. */
const FIND_SLICES = `
select slice.ctid from (select distinct organization_id from usage_totals
  where hour >= $1::timestamptz and hour < $1::timestamptz + interval '1 day') as used
join usage_daily_slices d on d.organization_id = used.organization_id and d.day = ($1::timestamptz at time zone 'UTC')::date
cross join lateral (
  select ctid from usage_slices s
  where s.organization_id = d.organization_id and s.dimension = d.dimension and s.value = d.value and ${IS_DUE} offset 0
) as slice limit ${BATCH_ROWS}`

/** Returns the number of replaced rows. The same statement writes their replacement, so a sum is never missing or counted twice. */
const buildStatement = (table: string, keys: readonly string[], sums: readonly string[], find: string) => `
with old as (
  delete from ${table} where ctid = any(array(${find})) returning *
), noon as (
  select ${keys.map((key) => (key === 'hour' ? `${NOON} as hour` : key)).join(', ')}, ${sums.join(', ')} from old
), added as (${addTo(table, keys, sums, `(${groupRows(keys, sumColumns(sums), 'noon')}) as days`)})
select count(*)::int as rows from old`

/** The totals come last, because they show which organizations have slices. */
const STATEMENTS = [
  buildStatement('usage_hourly', HOURLY, SUMS, findByHour('usage_hourly')),
  buildStatement('usage_meter_hourly', METER_HOURS, ['amount'], findByHour('usage_meter_hourly')),
  buildStatement('usage_platform_hours', PLATFORM_HOURS, SUMS, findByHour('usage_platform_hours')),
  buildStatement('usage_slices', SLICES, SUMS, FIND_SLICES),
  buildStatement('usage_totals', TOTALS, SUMS, findByHour('usage_totals')),
]

/** Nothing before the position has hours. Without a position, nothing before the first sum has. */
const POSITION = `
select extract(epoch from coalesce((select position::timestamptz from retention_progress where task = $1),
  (select date_trunc('day', min(hour), 'UTC') from usage_totals)))::float8 * 1000 as position,
  (select extract(epoch from date_trunc('day', folded_until, 'UTC'))::float8 * 1000 from usage_platform_progress) as folded`

const MOVE = `
insert into retention_progress as known (task, position, updated_at) values ($1, $2, now())
on conflict (task) do update set position = excluded.position, updated_at = now() where known.position collate "C" < excluded.position`

/**
 * Continues day by day up to the hours that are kept, or until its time is over. Hours that raw events still exist for are kept.
 * Idempotent, also with concurrent runs.
 */
export async function compactHours({ sql, config, now }: Pick<Deps, 'sql' | 'config' | 'now'>, at: number) {
  requireFeature(config, 'usage_retention')
  const end = now() + RUN_MS
  const [row] = await sql.query(POSITION, [TASK])
  const moment = Math.min(at, now())
  const raw = toMonth(moment - config.USAGE_RETENTION_DAYS * DAY_MS).start
  const until = Math.min(hoursKeptFrom(moment), raw, Number(row?.folded ?? 0))
  let [day, rows, days] = [Number(row?.position ?? until), 0, 0]
  for (; day < until; day += DAY_MS) {
    const replaced = await compactDay(sql, new Date(day).toISOString(), () => now() >= end)
    rows += replaced.rows
    if (!replaced.isDone) break
    days += 1
    await sql.query(MOVE, [TASK, new Date(day + DAY_MS).toISOString()])
  }
  return { days, rows, left: Math.max(0, (until - day) / DAY_MS) }
}

async function compactDay(sql: Sql, day: string, isOver: () => boolean) {
  let total = 0
  for (const statement of STATEMENTS) {
    for (;;) {
      if (isOver()) return { rows: total, isDone: false }
      const [row] = await sql.query(statement, [day])
      total += Number(row?.rows)
      if (Number(row?.rows) < BATCH_ROWS) break
    }
  }
  return { rows: total, isDone: true }
}
