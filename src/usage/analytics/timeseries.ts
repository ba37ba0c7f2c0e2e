import type { Sql } from '../../db/client.ts'
import { toIso } from '../../lib/iso.ts'
import type { Bucket } from './buckets.ts'
import { ANSWER, SUMS, type SumRow, toSums } from './columns.ts'
import type { Filter } from './filter.ts'
import { selectHours } from './hour-rows.ts'
import { readRows } from './read.ts'
import type { Scope } from './scope.ts'

/**
 * What was used in each bucket; an empty one has zeros. One statement.
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
select bucket, ${ANSWER} from sums`
  const rows = await readRows<SumRow & { bucket: number }>(sql, sql.query(statement, parameters))
  const known = new Map(rows.map(({ bucket, ...sums }) => [bucket, sums]))
  return buckets.map(({ name, from, to }, at) => ({
    bucket: name,
    from: toIso(from),
    to: toIso(to),
    ...toSums(known.get(at)),
  }))
}
