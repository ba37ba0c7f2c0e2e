/** The columns that events add to the roll-ups, and the SQL that sums each from `placed`. */
import { COUNTER_COLUMNS, type CounterColumn } from '../../db/schema/meters.ts'
import { LATENCY_COLUMNS } from '../../db/schema/shapes.ts'
import type { UsageEvent } from '../event.ts'

type Sums = Readonly<Record<string, string>>

/** The sums of one kind of batch. */
export interface BatchSums {
  readonly counts: Sums
  readonly times: Sums
  /** For periods only. */
  readonly lanes: Sums
}

const FAILED = 'status_code >= 400 or error_code is not null'
/** The error of a report that completes a verified request is counted with that request (complete.ts), not here. */
const OF_REQUESTS: Sums = {
  requests: 'sum(requests)',
  errors: `coalesce(sum(requests) filter (where ${FAILED}), 0)`,
}
/** A failed verification counts at least one error. */
const OF_VERIFIED: Sums = { ...OF_REQUESTS, errors: `coalesce(sum(greatest(requests, 1)) filter (where ${FAILED}), 0)` }

const LANES: Sums = {
  even_calls: 'coalesce(sum(api_calls) filter (where lane = 0), 0)',
  odd_calls: 'coalesce(sum(api_calls) filter (where lane = 1), 0)',
}

/** The customers' price for these calls: the part of charges that verifications counted. */
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

/** Kinds of tokens that are stored with the event and not summed: parts of its input and output. */
export const KIND_COLUMNS = ['cache_write_tokens', 'audio_input_tokens', 'audio_output_tokens'] as const

const sumColumn = (column: CounterColumn) => (isReported(column) ? `coalesce(sum(${column}), 0)` : DERIVED[column])

export const SUMS_OF_USAGE: BatchSums = {
  counts: { ...OF_REQUESTS, ...Object.fromEntries(COUNTER_COLUMNS.map((column) => [column, sumColumn(column)])) },
  times: {
    response_time_ms_sum: 'coalesce(sum(response_time_ms), 0)',
    response_time_count: 'count(response_time_ms)',
    ...Object.fromEntries(LATENCY_COLUMNS.map((name, at) => [name, `count(*) filter (where latency = ${at})`])),
  },
  lanes: { ...LANES, ...CHARGE_LANES },
}

export const SUMS_OF_VERIFICATIONS: BatchSums = {
  counts: { ...OF_VERIFIED, api_calls: sumColumn('api_calls') },
  times: {},
  lanes: LANES,
}
