import { LATENCY_BOUNDS_MS } from '../db/schema/shapes.ts'
import type { UsageEvent } from './event.ts'

/** Columns of a roll-up, and how each is made from events. */
type Sums = Readonly<Record<string, string>>

/** What a batch adds to the roll-ups. */
interface BatchSums {
  readonly counts: Sums
  readonly times: Sums
  /** Of a period alone. */
  readonly lanes: Sums
}

const ALWAYS: Sums = {
  requests: 'sum(requests)',
  /** A report that completes a verified request is no request of its own, but its failure is an error. */
  errors: 'coalesce(sum(greatest(requests, 1)) filter (where status_code >= 400 or error_code is not null), 0)',
  api_calls: 'sum(api_calls)',
}

const LANES: Sums = {
  even_calls: 'coalesce(sum(api_calls) filter (where lane = 0), 0)',
  odd_calls: 'coalesce(sum(api_calls) filter (where lane = 1), 0)',
}

const QUERIES: Sums = { queries: 'sum(queries)' }

const OF_MODELS: Sums = {
  input_tokens: 'sum(input_tokens)',
  output_tokens: 'sum(output_tokens)',
  cached_tokens: 'sum(cached_tokens)',
  cost_usd: 'coalesce(sum(cost_usd), 0)',
  unpriced: `count(*) filter (where model <> '' and cost_usd is null)`,
}

const usesModel = (event: UsageEvent) =>
  event.model || event.cost_usd || event.input_tokens || event.output_tokens || event.cached_tokens

/**
 * The columns that a batch adds to, and those alone: a statement of all 31 takes Postgres longer to read than a small
 * batch takes to write. They go in whole groups, so that there are not too many different statements to keep statistics of.
 */
export function sumEvents(events: readonly UsageEvent[]): BatchSums {
  return {
    counts: {
      ...ALWAYS,
      ...(events.some(({ queries }) => queries) && QUERIES),
      ...(events.some(usesModel) && OF_MODELS),
    },
    lanes: events.some(({ lane }) => lane !== undefined) ? LANES : {},
    times: sumTimes(events.flatMap(({ response_time_ms }) => response_time_ms ?? [])),
  }
}

/** The histogram's columns from the fastest response to the slowest. */
function sumTimes(times: readonly number[]): Sums {
  if (times.length === 0) return {}
  const [first, last] = [toTimeBucket(Math.min(...times)), toTimeBucket(Math.max(...times))]
  const buckets = Array.from({ length: last - first + 1 }, (_, at) => first + at)
  return {
    response_time_ms_sum: 'coalesce(sum(response_time_ms), 0)',
    response_time_count: 'count(response_time_ms)',
    ...Object.fromEntries(buckets.map((one) => [`latency_${one}`, `count(*) filter (where latency = ${one})`])),
  }
}

/** The same as the statement's `width_bucket`: the first bucket whose bound a response time does not pass. */
function toTimeBucket(ms: number): number {
  const bucket = LATENCY_BOUNDS_MS.findIndex((bound) => ms <= bound)
  return bucket < 0 ? LATENCY_BOUNDS_MS.length : bucket
}
