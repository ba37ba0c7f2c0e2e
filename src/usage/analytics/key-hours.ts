import type { Sql } from '../../db/client.ts'
import { toIso } from '../../lib/iso.ts'
import { readTogether } from './read.ts'
import { HOUR_MS, invalidSpan, listHours, type Span } from './span.ts'

/** The outcomes of requests. They add up to all requests. */
const OUTCOMES = ['succeeded', 'limited', 'refused', 'failed'] as const

type Outcome = (typeof OUTCOMES)[number]

/** A row of the roll-up per key and hour is found by its index: this many look-ups take some tens of milliseconds. */
const MAX_CELLS = 5_000

/** The sum of each outcome, by the status of its rows. Requests that failed without a status have only an error code. */
const SUMS: Readonly<Record<Outcome, string>> = {
  succeeded: 'sum(greatest(requests - errors, 0))',
  limited: 'coalesce(sum(errors) filter (where status_code = 429), 0)',
  refused: 'coalesce(sum(errors) filter (where status_code in (401, 403)), 0)',
  failed: 'coalesce(sum(errors) filter (where status_code not in (401, 403, 429)), 0)',
}

interface Row extends Readonly<Record<Outcome, number>> {
  readonly key_id: string
  readonly hour: number
}

interface AmountRow {
  readonly key_id: string
  readonly hour: number
  readonly meter: string
  readonly amount: number
}

const HOUR = `(extract(epoch from hour) * 1000 - $4::float8)::float8 / ${HOUR_MS}`
const CELLS = 'where organization_id = $1 and hour = any($2::timestamptz[]) and key_id = any($3::uuid[])'
const REQUESTS = `select key_id, ${HOUR} as hour, ${OUTCOMES.map((name) => `(${SUMS[name]})::float8 as ${name}`).join(', ')}
  from usage_hourly ${CELLS} group by key_id, hour`
const AMOUNTS = `select key_id, ${HOUR} as hour, meter, sum(amount)::float8 as amount
  from usage_meter_hourly ${CELLS} and meter = any(array(select slug from meters where not is_builtin and kind = 'counter'))
  group by key_id, hour, meter having sum(amount) <> 0`

/**
 * The requests of some keys in each hour, by outcome, and the amounts of custom meters. One batch.
 *
 * @param span whole hours
 * @throws Problem `invalid_request` for more hours than are allowed for this number of keys
 */
export async function usageOfKeys(sql: Sql, organizationId: string, keyIds: readonly string[], span: Span) {
  const hours = listHours(span)
  const most = Math.floor(MAX_CELLS / keyIds.length)
  if (hours.length > most) throw invalidSpan('query.from', `must be at most ${most} hours before to for so many keys`)
  const parameters = [organizationId, hours.map(toIso), keyIds, span.from]
  const [rows, amounts] = (await readTogether(sql, [
    sql.query(REQUESTS, parameters),
    sql.query(AMOUNTS, parameters),
  ])) as [Row[], AmountRow[]]
  const [byKey, amountsByKey] = [Map.groupBy(rows, toKey), Map.groupBy(amounts, toKey)]
  return keyIds.map((key_id) => ({
    key_id,
    ...toSeries(byKey.get(key_id) ?? [], hours.length),
    quantities: toQuantities(amountsByKey.get(key_id) ?? [], hours.length),
  }))
}

const toKey = ({ key_id }: Pick<Row, 'key_id'>) => key_id

/** @returns one amount per hour, by meter */
function toQuantities(rows: readonly AmountRow[], length: number): Record<string, number[]> {
  const series: Record<string, number[]> = {}
  for (const { meter, hour, amount } of rows) {
    series[meter] ??= Array.from({ length }, () => 0)
    series[meter][hour] = amount
  }
  return series
}

/** @returns a figure for each hour and outcome; zero without rows */
function toSeries(rows: readonly Row[], length: number): Record<Outcome, number[]> {
  const known = new Map(rows.map((row) => [row.hour, row]))
  const list = (name: Outcome) => Array.from({ length }, (_, at) => known.get(at)?.[name] ?? 0)
  return { succeeded: list('succeeded'), limited: list('limited'), refused: list('refused'), failed: list('failed') }
}
