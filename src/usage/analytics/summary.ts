import type { Sql } from '../../db/client.ts'
import { METERS } from '../../db/schema/meters.ts'
import { toIso } from '../../lib/iso.ts'
import { buildAnswer, emptySums, roundTo, SUMS, type SumRow, toSums } from './columns.ts'
import { selectHours } from './hour-rows.ts'
import { findQuantities, type Quantities, type QuantityRow, selectAmounts, sumAmounts } from './quantities.ts'
import { readTogether } from './read.ts'
import { type Scope, seesCosts } from './scope.ts'
import { type Span } from './span.ts'

const buildStatement = (scope: Scope, hours: string) => `
with sums as (
  select hour >= $1 as is_now, ${SUMS} from (${hours}) as hours group by 1
)
select is_now, ${buildAnswer(seesCosts(scope))} from sums`

/** The figures that are compared with the previous span. */
export const COMPARED = ['requests', 'errors', ...METERS] as const

/**
 * The usage in a span, and in the one of the same length just before it. One batch.
 *
 * @param span whole hours
 */
export async function usageSummary(sql: Sql, scope: Scope, { from, to }: Span) {
  const before = from - (to - from)
  const parameters: unknown[] = [toIso(from)]
  const statement = buildStatement(scope, selectHours(scope, { span: { from: before, to }, filter: {} }, parameters))
  const custom: unknown[] = [toIso(from)]
  const amounts = sumAmounts('hour >= $1', selectAmounts(scope, { span: { from: before, to }, filter: {} }, custom))
  const [rows = [], own = []] = await readTogether(sql, [sql.query(statement, parameters), sql.query(amounts, custom)])
  const [current, previous] = [true, false].map((isNow): Sums => {
    const found = (rows as (SumRow & { is_now: boolean })[]).find((row) => row.is_now === isNow)
    const sums = toSums(found ?? emptySums(seesCosts(scope)))
    return Object.assign(sums, { quantities: findQuantities(own as QuantityRow<boolean>[], isNow) })
  })
  return {
    from: toIso(from),
    to: toIso(to),
    totals: current as Sums,
    previous: { from: toIso(before), to: toIso(from), totals: previous as Sums },
    change: changeBetween(previous as Sums, current as Sums),
  }
}

type Sums = ReturnType<typeof toSums> & { readonly quantities: Quantities }

/** The growth of each figure as a share of its previous value: 0.25 is a quarter more; `null` if that was zero. */
function changeBetween(before: Sums, now: Sums) {
  const grown = COMPARED.map((name) => [name, growth(Number(before[name]), Number(now[name]))]) // ratios, not money
  return Object.fromEntries(grown) as Record<(typeof COMPARED)[number], number | null>
}

function growth(before: number, now: number): number | null {
  return before > 0 ? roundTo((now - before) / before, 4) : null
}
