import type { Sql } from '../db/client.ts'
import type { Period } from '../lib/period.ts'

const SUMS = `coalesce(sum(requests), 0)::float8 as requests, coalesce(sum(api_calls), 0)::float8 as api_calls,
  coalesce(sum(queries), 0)::float8 as queries, coalesce(sum(input_tokens + output_tokens), 0)::float8 as tokens,
  coalesce(sum(input_tokens), 0)::float8 as input_tokens, coalesce(sum(output_tokens), 0)::float8 as output_tokens,
  coalesce(sum(cost_usd), 0)::text as cost_usd, coalesce(sum(errors), 0)::float8 as errors,
  case when sum(response_time_count) > 0
    then round(sum(response_time_ms_sum)::numeric / sum(response_time_count), 1)::float8 end as avg_response_time_ms`

const WITHIN = 'from usage_hourly where organization_id = $1 and hour >= $2 and hour < $3'

/** The largest groups of a breakdown; the tail is in the totals. */
const MOST_GROUPS = 100

interface Sums {
  readonly requests: number
  readonly api_calls: number
  readonly queries: number
  readonly tokens: number
  readonly input_tokens: number
  readonly output_tokens: number
  /** US dollars as a decimal string. */
  readonly cost_usd: string
  readonly errors: number
  /** Null where nobody reported any. */
  readonly avg_response_time_ms: number | null
}

/** How each breakdown groups: its column, and the name it has in the answer. */
const BREAKDOWNS = {
  by_endpoint: `endpoint`,
  by_model: `model`,
  by_key: `nullif(key_id, '00000000-0000-0000-0000-000000000000')`,
  by_route: `route`,
} as const

const NAMES = { by_endpoint: 'endpoint', by_model: 'model', by_key: 'key_id', by_route: 'route' } as const

type Breakdown = keyof typeof BREAKDOWNS

interface Statistics {
  readonly period: string
  readonly totals: Sums
  readonly by_endpoint: (Sums & { endpoint: string })[]
  readonly by_model: (Sums & { model: string })[]
  /** Null for what was used without a key. */
  readonly by_key: (Sums & { key_id: string | null })[]
  readonly by_route: (Sums & { route: string })[]
  /** `YYYY-MM-DD`. */
  readonly by_day: (Sums & { day: string })[]
}

/**
 * What an organization used in a month: in all, by endpoint, model, key and route, and by day (UTC). Read from the hourly
 * sums in one batch, so that all parts speak of the same moment. Events without a model or route are left out of those
 * breakdowns.
 */
export async function usageStatistics(sql: Sql, organizationId: string, period: Period): Promise<Statistics> {
  const parameters = [organizationId, new Date(period.start).toISOString(), new Date(period.end).toISOString()]
  const breakdowns = Object.keys(BREAKDOWNS) as Breakdown[]
  const [totals, days, ...groups] = await sql.transaction(
    [
      sql.query(`select ${SUMS} ${WITHIN}`, parameters),
      sql.query(
        `select to_char(hour at time zone 'UTC', 'YYYY-MM-DD') as day, ${SUMS} ${WITHIN} group by 1 order by 1`,
        parameters,
      ),
      ...breakdowns.map((name) => sql.query(groupedBy(name), parameters)),
    ],
    { readOnly: true, isolationLevel: 'RepeatableRead' },
  )
  const parts = Object.fromEntries(breakdowns.map((name, at) => [name, groups[at]]))
  return { period: period.name, totals: totals?.[0], ...parts, by_day: days } as unknown as Statistics
}

function groupedBy(name: Breakdown): string {
  const column = BREAKDOWNS[name]
  const named = name === 'by_model' || name === 'by_route' ? `and ${column} <> ''` : ''
  return `select ${column} as ${NAMES[name]}, ${SUMS} ${WITHIN} ${named} group by 1 order by sum(requests) desc, 1 limit ${MOST_GROUPS}`
}
