import {
  COUNTER_COLUMNS,
  COUNTERS,
  type Counter,
  type CounterColumn,
  FIGURES,
  isMoney,
  type MoneyMeter,
} from '../../db/schema/meters.ts'
import { LATENCY_COLUMNS } from '../../db/schema/rollups.ts'
import { percentile } from './percentile.ts'

/** Columns that count, in display order. */
const COUNTS = ['requests', 'errors', ...COUNTER_COLUMNS] as const
const TIMES = ['response_time_ms_sum', 'response_time_count'] as const

/** Every sum column of a roll-up, except the histogram's. */
export const PLAIN_COLUMNS = [...COUNTS, ...TIMES] as const

/** Every sum column of a roll-up. */
export const SUM_COLUMNS: readonly string[] = [...PLAIN_COLUMNS, ...LATENCY_COLUMNS]

/** `sum(…) as …` of every column: folds rows of one or several roll-ups into one. */
export const SUMS = SUM_COLUMNS.map((name) => `sum(${name}) as ${name}`).join(', ')

/**
 * Whether a group has any figure. A report that completes a verified request adds tokens and a cost, and no request.
 * The place where the request was counted before may be left without any.
 */
export const IS_USED = PLAIN_COLUMNS.map((name) => `sum(${name}) <> 0`).join(' or ')

/** SQL: money as decimal text with six to nine decimals. It is stored in nano-dollars; most amounts need no more than six. */
const toUsdText = (amount: string) => `regexp_replace((${amount})::numeric(24, 9)::text, '0{1,3}$', '')`

/** A column in the form of the database's answer. Casts to float8 are exact up to 2^53; money stays text. */
export const asAnswered = (name: string, value = name) =>
  `${isMoney(name) ? toUsdText(value) : `(${value})::float8`} as ${name}`

/** Sums in the form of the database's answer. */
export const ANSWER = `${PLAIN_COLUMNS.map((name) => asAnswered(name, `coalesce(${name}, 0)`)).join(', ')},
  json_build_array(${LATENCY_COLUMNS.map((name) => `coalesce(${name}, 0)`).join(', ')}) as latency`

type Plain = (typeof PLAIN_COLUMNS)[number]

/** The row that `ANSWER` selects. */
export type SumRow = Readonly<Record<Exclude<Plain, MoneyMeter>, number>> &
  Readonly<Record<MoneyMeter, string>> & { readonly latency: readonly number[] }

const NOTHING = {
  ...Object.fromEntries(PLAIN_COLUMNS.map((name) => [name, isMoney(name) ? '0.000000' : 0])),
  latency: LATENCY_COLUMNS.map(() => 0),
} as unknown as SumRow

/** Figures of counters: money as decimal text, everything else a number. */
export type Figures<Name extends string> = Record<Exclude<Name, MoneyMeter>, number> & Record<Name & MoneyMeter, string>

/** Builds the displayed figures from the columns that hold them. */
export function toFigures<Name extends Counter | CounterColumn>(row: SumRow, names: readonly Name[]): Figures<Name> {
  return Object.fromEntries(names.map((name) => [name, readFigure(row, name)])) as Figures<Name>
}

function readFigure(row: SumRow, name: Counter | CounterColumn): number | string {
  if (!isSum(name)) return row[name]
  return COUNTERS[name].columns.reduce((sum, column) => sum + row[column], 0)
}

/** Whether a figure is the sum of several columns. */
const isSum = (name: string): name is Exclude<Counter, CounterColumn> =>
  Object.hasOwn(COUNTERS, name) && !(COUNTER_COLUMNS as readonly string[]).includes(name)

export function averageTime({ response_time_ms_sum, response_time_count }: SumRow): number | null {
  return response_time_count > 0 ? roundTo(response_time_ms_sum / response_time_count, 1) : null
}

/** Sums in display form, with rates, an average and percentiles, which are `null` without data. */
export function toSums(row: SumRow = NOTHING) {
  return {
    requests: row.requests,
    errors: row.errors,
    error_rate: row.requests > 0 ? roundTo(row.errors / row.requests, 6) : null,
    ...toFigures(row, FIGURES),
    avg_response_time_ms: averageTime(row),
    p50_response_time_ms: percentile(row.latency, 0.5),
    p95_response_time_ms: percentile(row.latency, 0.95),
    p99_response_time_ms: percentile(row.latency, 0.99),
  }
}

export function roundTo(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
