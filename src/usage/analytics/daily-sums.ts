import type { Sql } from '../../db/client.ts'
import { asAnswered, IS_USED, isShown, PLAIN_COLUMNS, readColumn } from './columns.ts'
import { readRows } from './read.ts'
import { formatDay, type Span } from './span.ts'

const KEYS = ['day', 'key_id', 'environment', 'endpoint', 'status_code', 'provider', 'model', 'route'] as const

/** Columns of the daily sums, in the order of the CSV. @param seesCosts whether the operator reads them */
export const listDailyColumns = (seesCosts: boolean) =>
  [...KEYS, ...PLAIN_COLUMNS, 'quantities' as const].filter((name) => isShown(name, seesCosts))

/** The last row of a page, by the columns that define the order. */
export type DailyPlace = Readonly<
  Record<(typeof KEYS)[number] | (typeof PLAIN_COLUMNS)[number] | 'quantities', unknown>
>

const DIMENSIONS = KEYS.slice(1).join(', ')

/** Sorted by bytes: a language's collation takes several times as long, and the file does not need it. */
const ORDER = KEYS.map((name) => (['day', 'key_id', 'status_code'].includes(name) ? name : `${name} collate "C"`))

/** Amounts of custom counters of a row, by slug. */
const QUANTITIES = `(
  select jsonb_object_agg(meter, amount) from (
    select meter, sum(amount)::float8 as amount from usage_meter_hourly h
    where h.organization_id = $1 and h.hour >= page.day::timestamp at time zone 'UTC' and h.hour < (page.day + interval '1 day') at time zone 'UTC'
      and ${KEYS.slice(1)
        .map((name) => `h.${name} = page.${name}`)
        .join(' and ')} group by 1 having sum(amount) <> 0) as amounts) as quantities`

const selectColumns = (seesCosts: boolean) =>
  `day::text as day, ${DIMENSIONS}, ${PLAIN_COLUMNS.filter((name) => isShown(name, seesCosts))
    .map((name) => asAnswered(name, readColumn(name, seesCosts)))
    .join(', ')}, ${QUANTITIES}`

interface Query {
  readonly span: Span
  readonly after: DailyPlace | undefined
  readonly limit: number
  /** Whether the operator reads it, who sees what providers charge. */
  readonly seesCosts?: boolean | undefined
}

/**
 * The sums of every UTC day in a span, oldest first, by all dimensions of events. Days are summed up one by one, and
 * only as many as the page needs.
 */
export async function listDailySums(
  sql: Sql,
  organizationId: string,
  { span, after, limit, seesCosts = false }: Query,
): Promise<DailyPlace[]> {
  const from = after ? String(after.day) : formatDay(span.from)
  const parameters: unknown[] = [organizationId, from, formatDay(span.to - 1), limit]
  const place = after
    ? `and (${ORDER.join(', ')}) > (${KEYS.map((name) => `$${parameters.push(after[name])}`).join(', ')})`
    : ''
  const statement = `
select ${selectColumns(seesCosts)} from (
  select day::date, sums.* from generate_series($2::date::timestamp, $3::date, interval '1 day') as day cross join lateral (
    select ${DIMENSIONS}, ${PLAIN_COLUMNS.map((name) => `sum(${name}) as ${name}`).join(', ')} from usage_hourly
    where organization_id = $1 and hour >= day at time zone 'UTC' and hour < (day + interval '1 day') at time zone 'UTC' ${place}
    group by ${DIMENSIONS} having ${IS_USED} order by ${ORDER.slice(1).join(', ')} limit $4
  ) as sums limit $4
) as page order by ${ORDER.map((name) => `page.${name}`).join(', ')}`
  return readRows<DailyPlace>(sql, sql.query(statement, parameters))
}
