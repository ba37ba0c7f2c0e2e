import { LATENCY_BOUNDS_MS } from '../../db/schema/shapes.ts'
import { percentile } from './percentile.ts'

/** The histogram's columns, in the order of its bounds, the last for all that was slower. */
export const LATENCIES = [...LATENCY_BOUNDS_MS, Number.POSITIVE_INFINITY].map((_, bucket) => `latency_${bucket}`)

/** Every column of a roll-up that is a sum. */
export const SUM_COLUMNS = [
  'requests',
  'errors',
  'api_calls',
  'queries',
  'input_tokens',
  'output_tokens',
  'cached_tokens',
  'cost_usd',
  'unpriced',
  'response_time_ms_sum',
  'response_time_count',
  ...LATENCIES,
] as const

/** `sum(…) as …` of every column: what folds rows of one roll-up, or of several, into one. */
export const SUMS = SUM_COLUMNS.map((name) => `sum(${name}) as ${name}`).join(', ')

/**
 * Whether a group has anything to show. A report that completes a verified request has tokens and a cost, and no request; where
 * the request stood before, nothing is left.
 */
export const IS_USED = SUM_COLUMNS.filter((name) => !LATENCIES.includes(name))
  .map((name) => `sum(${name}) <> 0`)
  .join(' or ')

/** SQL: money as decimal text with six to nine decimals. It is stored in nano-dollars; most amounts need no more than six. */
export const toUsdText = (amount: string) => `regexp_replace((${amount})::numeric(24, 9)::text, '0{1,3}$', '')`

/** Sums as an answer of the database carries them. Casts to float8 are exact up to 2^53; money stays text. */
export const ANSWER = `coalesce(requests, 0)::float8 as requests, coalesce(errors, 0)::float8 as errors,
  coalesce(api_calls, 0)::float8 as api_calls, coalesce(queries, 0)::float8 as queries,
  coalesce(input_tokens, 0)::float8 as input_tokens, coalesce(output_tokens, 0)::float8 as output_tokens,
  coalesce(cached_tokens, 0)::float8 as cached_tokens, ${toUsdText('coalesce(cost_usd, 0)')} as cost_usd,
  coalesce(unpriced, 0)::float8 as unpriced, coalesce(response_time_ms_sum, 0)::float8 as response_time_ms_sum,
  coalesce(response_time_count, 0)::float8 as response_time_count,
  json_build_array(${LATENCIES.map((name) => `coalesce(${name}, 0)`).join(', ')}) as latency`

/** What `ANSWER` selects. */
export interface SumRow {
  readonly requests: number
  readonly errors: number
  readonly api_calls: number
  readonly queries: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cached_tokens: number
  readonly cost_usd: string
  readonly unpriced: number
  readonly response_time_ms_sum: number
  readonly response_time_count: number
  readonly latency: readonly number[]
}

const NOTHING: SumRow = {
  requests: 0,
  errors: 0,
  api_calls: 0,
  queries: 0,
  input_tokens: 0,
  output_tokens: 0,
  cached_tokens: 0,
  cost_usd: '0.000000',
  unpriced: 0,
  response_time_ms_sum: 0,
  response_time_count: 0,
  latency: LATENCIES.map(() => 0),
}

/** Sums as people read them: with rates, an average and percentiles, `null` where there is nothing to take them of. */
export function toSums(row: SumRow = NOTHING) {
  const { latency, response_time_ms_sum, response_time_count } = row
  return {
    requests: row.requests,
    errors: row.errors,
    error_rate: row.requests > 0 ? roundTo(row.errors / row.requests, 6) : null,
    api_calls: row.api_calls,
    queries: row.queries,
    tokens: row.input_tokens + row.output_tokens,
    input_tokens: row.input_tokens,
    output_tokens: row.output_tokens,
    cached_tokens: row.cached_tokens,
    cost_usd: row.cost_usd,
    unpriced: row.unpriced,
    avg_response_time_ms: response_time_count > 0 ? roundTo(response_time_ms_sum / response_time_count, 1) : null,
    p50_response_time_ms: percentile(latency, 0.5),
    p95_response_time_ms: percentile(latency, 0.95),
    p99_response_time_ms: percentile(latency, 0.99),
  }
}

export function roundTo(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
