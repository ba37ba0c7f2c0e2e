import {
  COUNTER_COLUMNS,
  COUNTERS,
  type Counter,
  type CounterColumn,
  FIGURES,
  isMoneyColumn,
  type MoneyColumn,
} from '../../db/schema/meters.ts'
import { LATENCY_COLUMNS } from '../../db/schema/shapes.ts'
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
 * The group in which the request was counted before may be left without any.
 */
export const IS_USED = PLAIN_COLUMNS.map((name) => `sum(${name}) <> 0`).join(' or ')

/** SQL: money as decimal text with six to nine decimals. It is stored in nano-dollars; most amounts need no more than six. */
const toUsdText = (amount: string) => `regexp_replace((${amount})::numeric(24, 9)::text, '0{1,3}$', '')`

/** A column in the form of the database's answer. Casts to float8 are exact up to 2^53; money stays text. */
export const asAnswered = (name: string, value = name) =>
  `${isMoneyColumn(name) ? toUsdText(value) : `(${value})::float8`} as ${name}`

/** Only the operator has a separate column for what customers pay: the operator's `cost_usd` is what providers charge. */
export const isShown = (name: string, seesCosts: boolean): boolean => seesCosts || name !== 'charge_usd'

/** The column behind a name in an answer: for customers, the cost is what they pay. */
export const readColumn = (name: string, seesCosts: boolean) =>
  name === 'cost_usd' && !seesCosts ? 'charge_usd' : name

/** Sums in the form of the database's answer. */
export function buildAnswer(seesCosts: boolean): string {
  const shown = PLAIN_COLUMNS.filter((name) => isShown(name, seesCosts))
  return `${shown.map((name) => asAnswered(name, `coalesce(${readColumn(name, seesCosts)}, 0)`)).join(', ')},
  json_build_array(${LATENCY_COLUMNS.map((name) => `coalesce(${name}, 0)`).join(', ')}) as latency`
}

type Plain = (typeof PLAIN_COLUMNS)[number]

/** The row that {@link buildAnswer} selects. */
export type SumRow = Readonly<Record<Exclude<Plain, MoneyColumn>, number>> & {
  readonly cost_usd: string
  /** Only for the operator. */
  readonly charge_usd?: string
  readonly latency: readonly number[]
}

/** The same without response times. */
export type CountRow = Omit<SumRow, (typeof TIMES)[number] | 'latency'>

/** The sums of no usage at all. */
export function emptySums(seesCosts: boolean): SumRow {
  const shown = PLAIN_COLUMNS.filter((name) => isShown(name, seesCosts))
  const zeros = Object.fromEntries(shown.map((name) => [name, isMoneyColumn(name) ? '0.000000' : 0]))
  return { ...zeros, latency: LATENCY_COLUMNS.map(() => 0) } as unknown as SumRow
}

/** Figures of counters: money as decimal text, everything else a number. */
export type Figures<Name extends string> = Record<Exclude<Name, MoneyColumn>, number> &
  Record<Name & 'cost_usd', string> &
  Partial<Record<Name & 'charge_usd', string>>

/** Builds the displayed figures from the columns that hold them. */
export function toFigures<Name extends Counter | CounterColumn>(row: CountRow, names: readonly Name[]): Figures<Name> {
  const shown = names.filter((name) => isShown(name, row.charge_usd !== undefined))
  return Object.fromEntries(shown.map((name) => [name, readFigure(row, name)])) as Figures<Name>
}

function readFigure(row: CountRow, name: Counter | CounterColumn): number | string | undefined {
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
export function toSums(row: SumRow) {
  return {
    requests: row.requests,
    errors: row.errors,
    // at most 1: sums of earlier releases also count the errors of reports
    error_rate: row.requests > 0 ? roundTo(Math.min(1, row.errors / row.requests), 6) : null,
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
