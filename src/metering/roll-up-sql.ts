/** SQL that groups, sums and adds to rows of the roll-ups. */
import { COUNTER_COLUMNS } from '../db/schema/meters.ts'
import { DIMENSIONS } from './dimensions.ts'

/** The primary key of each roll-up. */
export const HOURLY = [
  'organization_id',
  'hour',
  'key_id',
  'environment',
  'endpoint',
  'status_code',
  'provider',
  'model',
  'route',
]
export const TOTALS = ['organization_id', 'hour']
export const SLICES = ['organization_id', 'dimension', 'value', 'hour']
export const DAILY_SLICES = ['organization_id', 'dimension', 'day', 'value']
export const PERIODS = ['organization_id', 'period_start']
export const SUBJECT_DAYS = ['organization_id', 'day', 'subject']

/** A row of `deltas` once for the total, and once for each dimension with its value. */
export const SLICED = [
  `('', '')`,
  ...Object.entries(DIMENSIONS).map(([dimension, value]) => `('${dimension}', ${value})`),
]

/** Rows of `slices` with their day (UTC). */
const DAYS = `(select *, (hour at time zone 'UTC')::date as day from slices where dimension <> '') as dated`

/** Rows of events that have a subject, with their day (UTC). An empty subject stands for all erased ones. */
export const ofSubjects = (events: string) =>
  `(select *, (occurred_at at time zone 'UTC')::date as day from ${events} where subject is not null) as named`

/** The columns that the roll-up of subjects sums up. */
export const SUBJECT_SUMS = ['requests', 'errors', ...COUNTER_COLUMNS] as const

/** The same for custom meters. */
export const METER_PERIODS = ['organization_id', 'period_start', 'meter']
export const METER_SUBJECT_DAYS = ['organization_id', 'day', 'subject', 'meter']
export const METER_HOURS = ['organization_id', 'hour', 'meter', ...HOURLY.slice(2)]

/** Groups rows into one for each key. */
export function groupRows(keys: readonly string[], sums: Readonly<Record<string, string>>, from: string): string {
  const made = Object.entries(sums).map(([name, sum]) => `${sum} as ${name}`)
  return `select ${[...keys, ...made].join(', ')} from ${from} group by ${keys.join(', ')}`
}

/** Sums of sums. */
export const sumColumns = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, `sum(${name})`]))

/**
 * Adds rows, one for each key, to a roll-up. They are inserted in the order of their key: two batches that lock the
 * same rows in opposite orders deadlock.
 */
export function addTo(table: string, keys: readonly string[], sums: readonly string[], rows: string): string {
  const [by, columns] = [keys.join(', '), [...keys, ...sums].join(', ')]
  return `
  insert into ${table} as known (${columns}) select ${columns} from ${rows} order by ${by}
  on conflict (${by}) do update set ${sums.map((name) => `${name} = known.${name} + excluded.${name}`).join(', ')}`
}

/**
 * CTEs that add `placed` to the roll-ups by hour and by day: from `deltas`, its sums by hour, to `daily_slices`.
 *
 * @param sliced each dimension with its value, for dimensions that rows of `placed` can have
 */
export function addByHour(sums: Readonly<Record<string, string>>, sliced: readonly string[]): string {
  const names = Object.keys(sums)
  return `deltas as materialized (
  ${groupRows(HOURLY, sums, 'placed')}
), slices as materialized (
  ${groupRows(SLICES, sumColumns(names), `deltas, lateral (values ${sliced.join(', ')}) as slice(dimension, value) where value <> '' or dimension = ''`)}
), hourly as (${addTo('usage_hourly', HOURLY, names, 'deltas')}
), totals as (${addTo('usage_totals', TOTALS, names, `slices where dimension = ''`)}
), hourly_slices as (${addTo('usage_slices', SLICES, names, `slices where dimension <> ''`)}
), daily_slices as (${addTo('usage_daily_slices', DAILY_SLICES, names, `(${groupRows(DAILY_SLICES, sumColumns(names), DAYS)}) as days`)}
)`
}

/**
 * Marks hours of `deltas` that were over before this statement began: their sums over all organizations are folded again
 * (fold-platform.ts). An hour that has just ended is folded 5 minutes later, when no statement of the first 2 minutes is still running.
 */
export const MARK_LATE = `
late as (
  insert into usage_late_hours (hour)
  select distinct hour from deltas where hour < date_trunc('hour', now() - interval '2 minutes', 'UTC')
), `
