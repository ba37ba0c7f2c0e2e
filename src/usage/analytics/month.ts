import type { Sql } from '../../db/client.ts'
import { AMOUNTS } from '../../db/schema/meters.ts'
import type { Period } from '../../lib/period.ts'
import type { Dimension } from '../../metering/dimensions.ts'
import { type BreakdownRow, breakdownQuery } from './breakdown.ts'
import { averageTime, buildAnswer, SUMS, type SumRow, toFigures } from './columns.ts'
import { findQuantities, type Quantities, type QuantityRow, selectAmounts, sumAmounts } from './quantities.ts'
import { readTogether } from './read.ts'
import { type OrganizationScope, seesCosts } from './scope.ts'
import { type Span } from './span.ts'

/** The largest groups of a breakdown. The totals include the rest. */
const MAX_GROUPS = 100

type Sums = ReturnType<typeof toSums> & { readonly quantities: Quantities }

interface Statistics {
  readonly period: string
  readonly totals: Sums
  readonly by_endpoint: (Sums & { endpoint: string })[]
  readonly by_model: (Sums & { model: string })[]
  /** Null for usage without a key. */
  readonly by_key: (Sums & { key_id: string | null })[]
  readonly by_route: (Sums & { route: string })[]
  /** `YYYY-MM-DD`. */
  readonly by_day: (Sums & { day: string })[]
}

const GROUPED: readonly Dimension[] = ['endpoint', 'model', 'key', 'route']

/** The whole month, and each of its days: `day` is null for the month. */
const selectDays = (scope: OrganizationScope) => `
with sums as (
  select (hour at time zone 'UTC')::date as day, ${SUMS} from usage_totals
  where organization_id = $1 and hour >= $2 and hour < $3 group by rollup (1)
)
select day::text as day, ${buildAnswer(seesCosts(scope))} from sums order by sums.day`

/**
 * An organization's use in a month: in total, by endpoint, model, key and route, and by day (UTC). Read from the
 * roll-ups in one batch, so that all parts are of the same moment. Events without a model or route are not in those
 * breakdowns.
 *
 * @param period a calendar month
 */
export async function usageStatistics(sql: Sql, scope: OrganizationScope, period: Period): Promise<Statistics> {
  const span = { from: period.start, to: period.end }
  const bounds = [scope.organizationId, new Date(span.from).toISOString(), new Date(span.to).toISOString()]
  const ask = { span, limit: MAX_GROUPS, order: 'requests' } as const
  const [days, ofDays, ofMonth, ...groups] = (await readTogether(sql, [
    sql.query(selectDays(scope), bounds),
    amountsQuery(sql, scope, span, DAY),
    amountsQuery(sql, scope, span, 'null'),
    ...GROUPED.map((by) => breakdownQuery(sql, scope, { ...ask, by })),
  ])) as [(SumRow & { day: string | null })[], Amounts, Amounts, ...BreakdownRow[][]]
  const amounts = [...ofDays, ...ofMonth]
  const [endpoints = [], models = [], keys = [], routes = []] = groups.map(listGroups)
  return {
    period: period.name,
    totals: withSums({}, days.find(({ day }) => day === null) as SumRow, findQuantities(amounts, null)),
    by_endpoint: endpoints.map((row) => ofGroup({ endpoint: row.value }, row)),
    by_model: models.filter(({ value }) => value !== '').map((row) => ofGroup({ model: row.value }, row)),
    by_key: keys.map((row) => ofGroup({ key_id: row.value || null }, row)),
    by_route: routes.filter(({ value }) => value !== '').map((row) => ofGroup({ route: row.value }, row)),
    by_day: days.flatMap((row) =>
      row.day === null ? [] : [withSums({ day: row.day }, row, findQuantities(amounts, row.day))],
    ),
  }
}

/** Without the row for the rest. */
function listGroups(rows: readonly BreakdownRow[]) {
  return rows.filter((row): row is BreakdownRow & { value: string } => row.value !== null)
}

const ofGroup = <T extends object>(name: T, row: BreakdownRow) => withSums(name, row, row.quantities ?? {})

function withSums<T extends object>(name: T, row: SumRow, quantities: Quantities): T & Sums {
  return { ...name, ...toSums(row), quantities }
}

/** By day; null for the month. */
type Amounts = QuantityRow<string | null>[]
const DAY = `((hour at time zone 'UTC')::date)::text`

function amountsQuery(sql: Sql, scope: OrganizationScope, span: Span, group: string) {
  const parameters: unknown[] = []
  return sql.query(sumAmounts(group, selectAmounts(scope, { span, filter: {} }, parameters)), parameters)
}

function toSums(row: SumRow) {
  const { requests, errors } = row
  return { requests, ...toFigures(row, AMOUNTS), errors, avg_response_time_ms: averageTime(row) }
}
