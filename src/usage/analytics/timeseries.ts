import type { Sql } from '../../db/client.ts'
import type { Bucket } from './buckets.ts'
import { ANSWER, SUMS, type SumRow, toSums } from './columns.ts'
import { buildConditions, type Filter, namedIn } from './filter.ts'
import { readRows } from './read.ts'
import { iso } from './span.ts'

/**
 * What an organization used in each bucket; an empty one has zeros. One statement, over the smallest roll-up that knows:
 * totals without a filter, slices with one, all dimensions with several.
 *
 * @param buckets in order and without gaps, at least one
 */
export async function usageTimeseries(sql: Sql, organizationId: string, buckets: readonly Bucket[], filter: Filter) {
  const bounds = buckets.map(({ from }) => iso(from))
  const parameters: unknown[] = [organizationId, iso(buckets[0]?.from ?? 0), iso(buckets.at(-1)?.to ?? 0), bounds]
  const source = selectSource(filter, parameters)
  const statement = `
with sums as (
  select width_bucket(hour, $4::timestamptz[]) - 1 as bucket, ${SUMS} from ${source} group by 1
)
select bucket, ${ANSWER} from sums`
  const rows = await readRows<SumRow & { bucket: number }>(sql, sql.query(statement, parameters))
  const known = new Map(rows.map(({ bucket, ...sums }) => [bucket, sums]))
  return buckets.map(({ name, from, to }, at) => ({
    bucket: name,
    from: iso(from),
    to: iso(to),
    ...toSums(known.get(at)),
  }))
}

function selectSource(filter: Filter, parameters: unknown[]): string {
  const span = 'organization_id = $1 and hour >= $2 and hour < $3'
  const [only, ...others] = namedIn(filter)
  if (!only) return `usage_totals where ${span}`
  // No slice is kept of having none.
  if (others.length > 0 || only[1] === '') return `usage_hourly where ${span} ${buildConditions(filter, parameters)}`
  const [dimension, value] = only
  return `usage_slices where ${span} and dimension = $${parameters.push(dimension)} and value = $${parameters.push(value)}`
}
