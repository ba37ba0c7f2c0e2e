import type { Sql } from '../../db/client.ts'
import { COUNTERS, forEachMeter, METERS } from '../../db/schema/meters.ts'
import { DIMENSIONS, type Dimension } from '../../metering/dimensions.ts'
import { ANSWER, IS_USED, roundTo, SUM_COLUMNS, SUMS, type SumRow, toSums } from './columns.ts'
import { readRows } from './read.ts'
import { cutIntoDays, formatDay, iso, type Span } from './span.ts'

/** What the list is sorted by, and the share is of. */
export const ORDERS = ['requests', 'errors', ...METERS] as const
type Order = (typeof ORDERS)[number]

const MEASURES = {
  requests: 'requests',
  errors: 'errors',
  ...forEachMeter(METERS, (meter) => COUNTERS[meter].columns.join(' + ')),
} satisfies Record<Order, string>

interface Ask {
  readonly by: Dimension
  /** Whole hours. */
  readonly span: Span
  readonly limit: number
  readonly order: Order
}

/** One group as the database gives it; the last is the rest when there are more than asked for. */
export type BreakdownRow = SumRow & {
  /** Empty for what had none; null for the rest that was not listed. */
  readonly value: string | null
  readonly name: string | null
  readonly groups: number
  readonly measure: string
}

const TAKEN_AWAY = SUM_COLUMNS.map((name) => `-sum(${name})`).join(', ')

/**
 * Whole UTC days come from the daily slices, the hours at the edges from the hourly sums. Slices leave out what has no
 * value: that is the days' total less all of them.
 */
function buildStatement({ by, order }: Ask): string {
  return `
with days as (
  select value, ${SUMS} from usage_daily_slices
  where organization_id = $1 and dimension = $2 and day >= $3 and day < $4 group by 1
), edges as (
  select * from usage_hourly where organization_id = $1 and hour >= $5 and hour < $6
  union all
  select * from usage_hourly where organization_id = $1 and hour >= $7 and hour < $8
), parts as (
  select * from days
  union all
  select ${DIMENSIONS[by]}, ${SUMS} from edges group by 1
  union all
  select '', ${SUMS} from usage_totals where organization_id = $1 and hour >= $6 and hour < $7
  union all
  select '', ${TAKEN_AWAY} from days
), sums as (
  select value, ${SUMS} from parts group by 1 having ${IS_USED}
), placed as (
  select *, row_number() over (order by ${MEASURES[order]} desc, requests desc, value) as place from sums
), listed as (
  select case when place <= $9 then value end as value, count(*)::int as groups, sum(${MEASURES[order]})::text as measure, ${SUMS}
  from placed group by 1
)
select value, groups, measure, ${by === 'key' ? KEY_NAME : 'null'} as name, ${ANSWER}
from listed order by value is null, ${MEASURES[order]} desc, requests desc, value`
}

const KEY_NAME = `(select name from api_keys where organization_id = $1 and id = nullif(listed.value, '')::uuid)`

/** What an organization used in a span by one dimension: the largest first, and all others as one. One statement. */
export async function usageBreakdown(sql: Sql, organizationId: string, ask: Ask) {
  const rows = await readRows<BreakdownRow>(sql, breakdownQuery(sql, organizationId, ask))
  const total = rows.reduce((sum, row) => sum + Number(row.measure), 0)
  const computeShare = (row: BreakdownRow) => (total > 0 ? roundTo(Number(row.measure) / total, 4) : null)
  const rest = rows.find(({ value }) => value === null)
  return {
    from: iso(ask.span.from),
    to: iso(ask.span.to),
    by: ask.by,
    order: ask.order,
    data: rows.filter(({ value }) => value !== null).map((row) => toGroup(ask.by, row, computeShare(row))),
    other: rest ? { groups: rest.groups, share: computeShare(rest), ...toSums(rest) } : null,
  }
}

function toGroup(by: Dimension, row: BreakdownRow, share: number | null) {
  return { value: row.value || null, ...(by === 'key' && { name: row.name }), share, ...toSums(row) }
}

/** The statement of a breakdown, not sent yet: also for a batch. Its rows are `BreakdownRow`s. */
export function breakdownQuery(sql: Sql, organizationId: string, ask: Ask) {
  const { before, days, after } = cutIntoDays(ask.span)
  const edges = [before.from, before.to, after.from, after.to].map(iso)
  const parameters = [organizationId, ask.by, formatDay(days.from), formatDay(days.to), ...edges, ask.limit]
  return sql.query(buildStatement(ask), parameters)
}
