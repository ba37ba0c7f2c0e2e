import type { Sql } from '../../db/client.ts'
import { toIso } from '../../lib/iso.ts'
import { readRows } from './read.ts'
import { HOUR_MS, invalidSpan, listHours, type Span } from './span.ts'

/** What became of requests. They add up to all of them. */
const OUTCOMES = ['succeeded', 'limited', 'refused', 'failed'] as const

type Outcome = (typeof OUTCOMES)[number]

/** A row of the roll-up per key and hour is found by its index: this many look-ups take some tens of milliseconds. */
const MOST_CELLS = 5_000

/** Each sum by the status of its rows. What failed without a status has an error code alone. */
const SUMS: Readonly<Record<Outcome, string>> = {
  succeeded: 'sum(requests - errors)',
  limited: 'coalesce(sum(errors) filter (where status_code = 429), 0)',
  refused: 'coalesce(sum(errors) filter (where status_code in (401, 403)), 0)',
  failed: 'coalesce(sum(errors) filter (where status_code not in (401, 403, 429)), 0)',
}

interface Row extends Readonly<Record<Outcome, number>> {
  readonly key_id: string
  readonly hour: number
}

/**
 * The requests of some keys in each hour, by outcome. One statement.
 *
 * @param span whole hours
 * @throws Problem `invalid_request` for more hours than so many keys may have
 */
export async function usageOfKeys(sql: Sql, organizationId: string, keyIds: readonly string[], span: Span) {
  const hours = listHours(span)
  const most = Math.floor(MOST_CELLS / keyIds.length)
  if (hours.length > most) throw invalidSpan('query.from', `must be at most ${most} hours before to for so many keys`)
  const rows = await readRows<Row>(
    sql,
    sql.query(
      `select key_id, (extract(epoch from hour) * 1000 - $4::float8)::float8 / ${HOUR_MS} as hour,
        ${OUTCOMES.map((name) => `(${SUMS[name]})::float8 as ${name}`).join(', ')}
      from usage_hourly where organization_id = $1 and hour = any($2::timestamptz[]) and key_id = any($3::uuid[])
      group by key_id, hour`,
      [organizationId, hours.map(toIso), keyIds, span.from],
    ),
  )
  const byKey = Map.groupBy(rows, ({ key_id }) => key_id)
  return keyIds.map((key_id) => ({ key_id, ...toSeries(byKey.get(key_id) ?? [], hours.length) }))
}

/** @returns a figure for each hour and outcome; zero without rows */
function toSeries(rows: readonly Row[], length: number): Record<Outcome, number[]> {
  const known = new Map(rows.map((row) => [row.hour, row]))
  const list = (name: Outcome) => Array.from({ length }, (_, at) => known.get(at)?.[name] ?? 0)
  return { succeeded: list('succeeded'), limited: list('limited'), refused: list('refused'), failed: list('failed') }
}
