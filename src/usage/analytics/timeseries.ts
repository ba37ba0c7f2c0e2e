import type { Sql } from '../../db/client.ts'
import { toIso } from '../../lib/iso.ts'
import type { Bucket } from './buckets.ts'
import { buildAnswer, emptySums, SUMS, type SumRow, toSums } from './columns.ts'
import type { Filter } from './filter.ts'
import { selectHours } from './hour-rows.ts'
import { findQuantities, type QuantityRow, selectAmounts, sumAmounts } from './quantities.ts'
import { readTogether } from './read.ts'
import { type Scope, seesCosts } from './scope.ts'

/**
 * The usage in each bucket; an empty one has zeros. One batch.
 *
 * @param buckets in order and without gaps, at least one
 */
export async function usageTimeseries(sql: Sql, scope: Scope, buckets: readonly Bucket[], filter: Filter) {
  const span = { from: buckets[0]?.from ?? 0, to: buckets.at(-1)?.to ?? 0 }
  const parameters: unknown[] = [buckets.map(({ from }) => toIso(from))]
  const statement = `
with sums as (
  select width_bucket(hour, $1::timestamptz[]) - 1 as bucket, ${SUMS}
  from (${selectHours(scope, { span, filter }, parameters)}) as hours group by 1
)
select bucket, ${buildAnswer(seesCosts(scope))} from sums`
  const custom: unknown[] = [buckets.map(({ from }) => toIso(from))]
  const amounts = sumAmounts(
    'width_bucket(hour, $1::timestamptz[]) - 1',
    selectAmounts(scope, { span, filter }, custom),
  )
  const [rows = [], own = []] = await readTogether(sql, [sql.query(statement, parameters), sql.query(amounts, custom)])
  const known = new Map((rows as (SumRow & { bucket: number })[]).map(({ bucket, ...sums }) => [bucket, sums]))
  const nothing = emptySums(seesCosts(scope))
  return buckets.map(({ name, from, to }, at) => ({
    bucket: name,
    from: toIso(from),
    to: toIso(to),
    ...toSums(known.get(at) ?? nothing),
    quantities: findQuantities(own as QuantityRow<number>[], at),
  }))
}
