import type { Sql } from '../../db/client.ts'
import { COUNTERS, forEachMeter, METERS } from '../../db/schema/meters.ts'
import { toIso } from '../../lib/iso.ts'
import { type BreakdownRows, type GroupedBy, selectGroups } from './breakdown-rows.ts'
import { ANSWER, IS_USED, roundTo, SUM_COLUMNS, SUMS, type SumRow, toSums } from './columns.ts'
import { readRows } from './read.ts'
import { isPlatform, type Scope } from './scope.ts'
import { type Span } from './span.ts'

/** What the list is sorted by, and the share is of. */
export const ORDERS = ['requests', 'errors', ...METERS] as const
type Order = (typeof ORDERS)[number]

const MEASURES = {
  requests: 'requests',
  errors: 'errors',
  ...forEachMeter(METERS, (meter) => COUNTERS[meter].columns.join(' + ')),
} satisfies Record<Order, string>

interface Ask<By extends GroupedBy = GroupedBy> {
  readonly by: By
  /** Whole hours. */
  readonly span: Span
  /** Of this key alone. */
  readonly keyId?: string | undefined
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

/** What had no value is the totals less the slices, and the empty values of rows that have them all. */
function buildStatement({ sliced, totals, whole }: BreakdownRows, { order, name, limit }: Grouping): string {
  const parts = [
    sliced && 'select * from sliced',
    whole && `select value, ${SUMS} from (${whole}) as whole group by 1`,
    sliced && totals && `select '', ${SUMS} from (${totals}) as totals`,
    sliced && totals && `select '', ${TAKEN_AWAY} from sliced`,
  ]
  return `
with ${sliced && `sliced as (select value, ${SUMS} from (${sliced}) as slices group by 1), `}parts as (
  ${parts.filter(Boolean).join('\n  union all\n  ')}
), sums as (
  select value, ${SUMS} from parts group by 1 having ${IS_USED}
), placed as (
  select *, row_number() over (order by ${MEASURES[order]} desc, requests desc, value) as place from sums
), listed as (
  select case when place <= ${limit} then value end as value, count(*)::int as groups, sum(${MEASURES[order]})::text as measure, ${SUMS}
  from placed group by 1
)
select value, groups, measure, ${name} as name, ${ANSWER}
from listed order by value is null, ${MEASURES[order]} desc, requests desc, value`
}

interface Grouping {
  readonly order: Order
  /** SQL of the name of a value. */
  readonly name: string
  /** The parameter that says how many are listed. */
  readonly limit: string
}

/** What a value is called, where it is an id. */
const NAMES: Readonly<Partial<Record<GroupedBy, string>>> = {
  key: `(select name from api_keys where id = nullif(listed.value, '')::uuid`,
  organization: `(select name from organizations where id = listed.value::uuid`,
  plan: '(select name from plans where id = listed.value',
}

/** A key is called by its name only in its own organization. */
function selectName(scope: Scope, by: GroupedBy, parameters: unknown[]): string {
  const name = NAMES[by]
  if (!name) return 'null'
  return isPlatform(scope) ? `${name})` : `${name} and organization_id = $${parameters.push(scope.organizationId)})`
}

/** What was used in a span by one dimension: the largest first, and all others as one. One statement. */
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
    other: rest ? { groups: rest.groups, share: computeShare(rest), ...toSums(rest) } : null,
  }
}

function toGroup(by: GroupedBy, row: BreakdownRow, share: number | null) {
  return { value: row.value || null, ...(NAMES[by] && { name: row.name }), share, ...toSums(row) }
}

/** The statement of a breakdown, not sent yet: also for a batch. Its rows are `BreakdownRow`s. */
export function breakdownQuery(sql: Sql, scope: Scope, ask: Ask) {
  const parameters: unknown[] = []
  const rows = selectGroups(scope, ask, parameters)
  const name = selectName(scope, ask.by, parameters)
  const limit = `$${parameters.push(ask.limit)}`
  return sql.query(buildStatement(rows, { order: ask.order, name, limit }), parameters)
}
