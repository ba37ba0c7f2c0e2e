import type { Sql } from '../../db/client.ts'
import { familyIn } from '../../db/plan-version.ts'
import { COUNTERS, forEachMeter, METERS } from '../../db/schema/meters.ts'
import { toIso } from '../../lib/iso.ts'
import { type BreakdownRows, type GroupedBy, OPEN, selectGroups } from './breakdown-rows.ts'
import { buildAnswer, IS_USED, roundTo, SUM_COLUMNS, SUMS, type SumRow, toSums } from './columns.ts'
import { type Quantities, selectAmounts } from './quantities.ts'
import { readRows } from './read.ts'
import { isPlatform, type Scope, seesCosts } from './scope.ts'
import { type Span } from './span.ts'

/** The figure by which the list is sorted, and of which each group has a share. */
export const ORDERS = ['requests', 'errors', ...METERS] as const
type BuiltInOrder = (typeof ORDERS)[number]
/** One of the above, or the slug of a custom counter. */
type Order = string

const MEASURES = {
  requests: 'requests',
  errors: 'errors',
  ...forEachMeter(METERS, (meter) => COUNTERS[meter].columns.join(' + ')),
} satisfies Record<BuiltInOrder, string>

interface Ask<By extends GroupedBy = GroupedBy> {
  readonly by: By
  /** Whole hours. */
  readonly span: Span
  /** Only this key's usage. */
  readonly keyId?: string | undefined
  readonly limit: number
  readonly order: Order
}

/** One group as the database returns it; the last is the rest if there are more groups than requested. */
export type BreakdownRow = SumRow & {
  /** Empty for usage without a value; null for the rest that was not listed. */
  readonly value: string | null
  readonly name: string | null
  readonly groups: number
  readonly measure: string
  readonly quantities: Quantities | null
}

const TAKEN_AWAY = SUM_COLUMNS.map((name) => `-sum(${name})`).join(', ')

/** Usage without a value is the totals minus the slices, plus the empty values of rows with all dimensions. */
function buildStatement(
  { sliced, totals, whole }: BreakdownRows,
  { amounts, measure, name, limit, answer }: Grouping,
): string {
  const parts = [
    sliced && 'select * from sliced',
    whole && `select value, ${SUMS} from (${whole}) as whole group by 1`,
    sliced && totals && `select '', ${SUMS} from (${totals}) as totals`,
    sliced && totals && `select '', ${TAKEN_AWAY} from sliced`,
  ]
  return `
with amounts as materialized (
  select value, meter, sum(amount) as amount from (${amounts}) as rows group by 1, 2 having sum(amount) <> 0
), ${sliced && `sliced as (select value, ${SUMS} from (${sliced}) as slices group by 1), `}parts as (
  ${parts.filter(Boolean).join('\n  union all\n  ')}
), sums as (
  select value, ${SUMS} from parts group by 1 having ${IS_USED} or value in (select value from amounts)
), measured as (
  select *, ${measure} as measure from sums
), placed as materialized (
  select *, row_number() over (order by measure desc, requests desc, value) as place from measured
), listed as (
  select case when place <= ${limit} then value end as value, count(*)::int as groups, sum(measure) as measure, ${SUMS}
  from placed group by 1
), listed_amounts as (
  select case when place <= ${limit} then value end as value, meter, sum(amount)::float8 as amount
  from placed join amounts using (value) group by 1, 2
)
select value, groups, measure::text, ${name} as name, ${answer},
  (select jsonb_object_agg(meter, amount) from listed_amounts a where a.value is not distinct from listed.value) as quantities
from listed order by value is null, listed.measure desc, requests desc, value`
}

interface Grouping {
  /** SQL of the rows of custom counters, each with its value. */
  readonly amounts: string
  /** SQL of the figure that the list is sorted by. */
  readonly measure: string
  /** SQL of the name of a value. */
  readonly name: string
  /** The parameter for the number of listed groups. */
  readonly limit: string
  /** The select list of the sums. */
  readonly answer: string
}

/** SQL of the name of a value that is an id. */
const NAMES: Readonly<Partial<Record<GroupedBy, string>>> = {
  key: `(select name from api_keys where id = nullif(listed.value, '')::uuid`,
  organization: `(select name from organizations where id = listed.value::uuid`,
  plan: `(select name from plans where ${familyIn('id')} = listed.value and replaced_at is null`,
}

/** An organization gets the names of its own keys only. */
function selectName(scope: Scope, by: GroupedBy, parameters: unknown[]): string {
  const name = NAMES[by]
  if (!name) return 'null'
  return isPlatform(scope) ? `${name})` : `${name} and organization_id = $${parameters.push(scope.organizationId)})`
}

/** Usage in a span by one dimension: the largest groups first, and all others as one. One statement. */
export async function usageBreakdown<By extends GroupedBy>(sql: Sql, scope: Scope, ask: Ask<By>) {
  const rows = await readRows<BreakdownRow>(sql, breakdownQuery(sql, scope, ask))
  const total = rows.reduce((sum, row) => sum + Number(row.measure), 0)
  const computeShare = (row: BreakdownRow) => (total > 0 ? roundTo(Number(row.measure) / total, 4) : null)
  const rest = rows.find(({ value }) => value === null)
  return {
    from: toIso(ask.span.from),
    to: toIso(ask.span.to),
    by: ask.by,
    order: ask.order,
    data: rows.filter(({ value }) => value !== null).map((row) => toGroup(ask.by, row, computeShare(row))),
    other: rest
      ? { groups: rest.groups, share: computeShare(rest), ...toSums(rest), quantities: rest.quantities ?? {} }
      : null,
  }
}

function toGroup(by: GroupedBy, row: BreakdownRow, share: number | null) {
  return {
    value: row.value || null,
    ...(NAMES[by] && { name: row.name }),
    share,
    ...toSums(row),
    quantities: row.quantities ?? {},
  }
}

function selectMeasure(order: Order, parameters: unknown[]): string {
  if (Object.hasOwn(MEASURES, order)) return MEASURES[order as BuiltInOrder]
  return `coalesce((select amount from amounts where amounts.value = sums.value and meter = $${parameters.push(order)}), 0)`
}

/** Builds the statement of a breakdown without sending it, also for a batch. Its rows are `BreakdownRow`s. */
export function breakdownQuery(sql: Sql, scope: Scope, ask: Ask) {
  const parameters: unknown[] = []
  const rows = selectGroups(scope, ask, parameters)
  const name = selectName(scope, ask.by, parameters)
  const limit = `$${parameters.push(ask.limit)}`
  const filter = ask.keyId === undefined ? {} : { key: ask.keyId }
  const own = selectAmounts(scope, { span: ask.span, filter }, parameters)
  const amounts = `select ${OPEN[ask.by]} as value, meter, amount from (${own}) as own`
  const measure = selectMeasure(ask.order, parameters)
  const answer = buildAnswer(seesCosts(scope))
  return sql.query(buildStatement(rows, { amounts, measure, name, limit, answer }), parameters)
}
