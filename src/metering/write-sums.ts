import {
  COUNTER_COLUMNS,
  COUNTERS,
  type Counter,
  type CounterColumn,
  listColumns,
  METERS,
} from '../db/schema/meters.ts'
import { LATENCY_BOUNDS_MS } from '../db/schema/shapes.ts'
import { type UsageEvent, VERIFICATION } from './event.ts'

/** Columns of a roll-up, and the SQL that sums each from events. */
type Sums = Readonly<Record<string, string>>

/** The sums that a batch adds to the roll-ups. */
interface BatchSums {
  readonly counts: Sums
  readonly times: Sums
  /** For periods only. */
  readonly lanes: Sums
}

const OF_REQUESTS: Sums = {
  requests: 'sum(requests)',
  /** A report that completes a verified request is no request of its own, but its failure is an error. */
  errors: 'coalesce(sum(greatest(requests, 1)) filter (where status_code >= 400 or error_code is not null), 0)',
}

const LANES: Sums = {
  even_calls: 'coalesce(sum(api_calls) filter (where lane = 0), 0)',
  odd_calls: 'coalesce(sum(api_calls) filter (where lane = 1), 0)',
}

/** What customers pay for these calls: the part of charges that verifications counted. */
const CHARGE_LANES: Sums = {
  even_charges: 'coalesce(sum(api_calls * price_per_call_usd) filter (where lane = 0), 0)',
  odd_charges: 'coalesce(sum(api_calls * price_per_call_usd) filter (where lane = 1), 0)',
}

/** Counter columns that events do not have, and the SQL that derives them. */
const DERIVED: Readonly<Record<Exclude<CounterColumn, keyof UsageEvent>, string>> = {
  charge_usd: 'coalesce(sum(charge_usd), 0)',
  unpriced: `count(*) filter (where model <> '' and cost_usd is null)`,
}

type ReportedColumn = CounterColumn & keyof UsageEvent
const isReported = (column: CounterColumn): column is ReportedColumn => !Object.hasOwn(DERIVED, column)

/** Counter columns that events have as well. */
export const REPORTED_COLUMNS = COUNTER_COLUMNS.filter(isReported)

/** Kinds of tokens that are kept with the event and not summed: parts of its input and output. */
export const KIND_COLUMNS = ['cache_write_tokens', 'audio_input_tokens', 'audio_output_tokens'] as const

const sumColumn = (column: CounterColumn) => (isReported(column) ? `coalesce(sum(${column}), 0)` : DERIVED[column])

/** Whether an event adds to a counter, or to one that is written with it. */
function addsTo(event: UsageEvent, meter: Counter): boolean {
  const { written } = COUNTERS[meter]
  if (written === 'always' || (written === 'with models' && event.model)) return true
  return METERS.some(
    (other) =>
      COUNTERS[other].written === written && listColumns(other).some((column) => isReported(column) && event[column]),
  )
}

function sumCounters(events: readonly UsageEvent[]): Sums {
  const columns = METERS.flatMap((meter) => (events.some((event) => addsTo(event, meter)) ? listColumns(meter) : []))
  return Object.fromEntries(columns.map((column) => [column, sumColumn(column)]))
}

/** Whether calls of an event may have a price: those of a verification say so, those of a report are of the plan's. */
export const mayPriceCalls = ({ source, api_calls, price_per_call_usd }: UsageEvent): boolean =>
  Boolean(source === VERIFICATION ? price_per_call_usd : api_calls)

function sumLanes(events: readonly UsageEvent[]): Sums {
  if (!events.some(({ lane }) => lane !== undefined)) return {}
  return events.some(({ price_per_call_usd }) => price_per_call_usd) ? { ...LANES, ...CHARGE_LANES } : LANES
}

/**
 * Only the columns that a batch adds to: Postgres takes longer to parse a statement with all 31 columns than to write a
 * small batch. Columns are added in whole groups, to limit the number of distinct statements in the statistics.
 */
export function sumEvents(events: readonly UsageEvent[]): BatchSums {
  return {
    counts: {
      ...OF_REQUESTS,
      ...sumCounters(events),
      ...(events.some(mayPriceCalls) && { charge_usd: DERIVED.charge_usd }),
    },
    lanes: sumLanes(events),
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

/** The same as the statement's `width_bucket`: the first bucket whose upper bound is at least the response time. */
function toTimeBucket(ms: number): number {
  const bucket = LATENCY_BOUNDS_MS.findIndex((bound) => ms <= bound)
  return bucket < 0 ? LATENCY_BOUNDS_MS.length : bucket
}
