import type { Client } from 'pg'

/** Tables that grow with usage; the first two contain only what their retention keeps. */
const TABLES = [
  'usage_events',
  'usage_dedupe',
  'usage_hourly',
  'usage_slices',
  'usage_daily_slices',
  'usage_totals',
  'usage_periods',
  'usage_platform_hours',
  'usage_platform_days',
  'usage_platform_months',
  'usage_verdicts',
]

/** The size of each table with its indexes, as a Markdown table. */
export async function sizes(client: Client): Promise<string> {
  const lines = ['| table | rows | bytes | bytes per row | bytes per million events |', '|---|--:|--:|--:|--:|']
  const { rows: counted } = await client.query('select sum(requests)::float8 as events from usage_totals')
  const events = Number(counted[0].events)
  for (const table of TABLES) {
    const { rows } = await client.query(
      `select (select count(*) from ${table})::float8 as rows, greatest(pg_total_relation_size('${table}'), (select sum(pg_total_relation_size(relid)) from pg_partition_tree('${table}')))::float8 as bytes`,
    )
    const { rows: count, bytes } = rows[0]
    const share = table === 'usage_dedupe' ? bytes / count : bytes / events
    lines.push(`| ${table} | ${count} | ${bytes} | ${Math.round(bytes / count)} | ${Math.round(share * 1e6)} |`)
  }
  return lines.join('\n')
}
