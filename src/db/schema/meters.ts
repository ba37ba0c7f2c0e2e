/**
 * The meters, in one table. SQL, schemas, limits and labels are derived from it. A new meter without a column does not
 * compile, and test/api/db/meters.test.ts checks every place that reads meters.
 */
import type { usagePeriods } from './rollups.ts'

type SnakeCase<Name> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${SnakeCase<Rest>}`
  : ''

interface MeterRow {
  /** The name that people read. */
  readonly label: string
  /** How many counted units make up one: 1, a million if amounts have fractions, a billion for US dollars. */
  readonly unitsPerOne: 1 | 1_000_000 | 1_000_000_000
  /**
   * How many units make up one where overage is billed, if that differs: the meters and prices at the billing providers
   * count millionths of a dollar.
   */
  readonly billedPerOne?: 1_000_000
}

type CounterRow = MeterRow & {
  /** Columns that are kept with the counter but do not add to its amount. */
  readonly beside: readonly Column[]
  /** Counters whose columns are written or left out together, by the kind of events in a batch. */
  readonly written: 'always' | 'with queries' | 'with models'
} & (
    | {
        /** The columns of the roll-ups that sum up to the counter. */
        readonly columns: readonly [Column, ...Column[]]
        readonly isMoney: false
      }
    /** US dollars: decimal text on the wire. */
    | { readonly columns: readonly [Column]; readonly isMoney: true }
  )

type Column = SnakeCase<keyof typeof usagePeriods.$inferSelect>

/** Counters that start at zero in each period, in display order. */
export const COUNTERS = {
  api_calls: {
    label: 'API calls',
    columns: ['api_calls'],
    beside: [],
    written: 'always',
    unitsPerOne: 1,
    isMoney: false,
  },
  queries: {
    label: 'queries',
    columns: ['queries'],
    beside: [],
    written: 'with queries',
    unitsPerOne: 1,
    isMoney: false,
  },
  tokens: {
    label: 'tokens',
    columns: ['input_tokens', 'output_tokens'],
    beside: ['cached_tokens'],
    written: 'with models',
    unitsPerOne: 1,
    isMoney: false,
  },
  cost_usd: {
    label: 'cost in US dollars',
    /** What the customer pays. What the provider charges is kept beside it. */
    columns: ['charge_usd'],
    beside: ['cost_usd', 'unpriced'],
    written: 'with models',
    unitsPerOne: 1_000_000_000,
    billedPerOne: 1_000_000,
    isMoney: true,
  },
} as const satisfies Readonly<Record<string, CounterRow>>

/** Amounts that are held, not used up. */
const GAUGE_ROWS = {
  concepts: { label: 'concepts', unitsPerOne: 1 },
  storage_gb: { label: 'storage in GB', unitsPerOne: 1_000_000 },
} as const satisfies Readonly<Record<string, MeterRow>>

export type Counter = keyof typeof COUNTERS
export type Gauge = keyof typeof GAUGE_ROWS
export type Meter = Counter | Gauge

/** Money meters: their amounts are decimal text on the wire. Each has a single column. */
export type MoneyMeter = {
  [M in Counter]: (typeof COUNTERS)[M]['isMoney'] extends true ? M : never
}[Counter]

/** Whether a meter is in US dollars. */
export const isMoney = (name: string): name is MoneyMeter =>
  Object.hasOwn(COUNTERS, name) && COUNTERS[name as Counter].isMoney

/** Columns in US dollars: what the provider charges, and what the customer pays. */
export const MONEY_COLUMNS = ['cost_usd', 'charge_usd'] as const satisfies readonly Column[]
export type MoneyColumn = (typeof MONEY_COLUMNS)[number]

export const isMoneyColumn = (name: string): name is MoneyColumn => isIn(MONEY_COLUMNS, name)

export const METERS = Object.keys(COUNTERS) as readonly Counter[]
export const GAUGES = Object.keys(GAUGE_ROWS) as readonly Gauge[]
export const ALL_METERS: readonly Meter[] = [...METERS, ...GAUGES]
/** All meters whose amounts are numbers on the wire. */
const NAMES: ReadonlySet<string> = new Set(ALL_METERS)

/** Whether a meter is built in, not custom. */
export const isBuiltIn = (slug: string): slug is Meter => NAMES.has(slug)

export const NUMBER_METERS = ALL_METERS.filter((meter): meter is Exclude<Meter, MoneyMeter> => !isMoney(meter))
/** All meters whose amounts are decimal text on the wire. */
export const MONEY_METERS = ALL_METERS.filter((meter) => isMoney(meter))
export const METER_ROWS: Readonly<Record<Meter, MeterRow>> = { ...COUNTERS, ...GAUGE_ROWS }

type CounterRows = typeof COUNTERS
/** A column that holds a counter, or is kept with one. */
export type CounterColumn = CounterRows[Counter]['columns' | 'beside'][number]

/** The columns of counters in display order. */
export const COUNTER_COLUMNS: readonly CounterColumn[] = METERS.flatMap((meter) => listColumns(meter))

/**
 * The figures of counters in display order: each column, and, for a counter with several columns, first their sum under
 * its name.
 */
export const FIGURES: readonly (Counter | CounterColumn)[] = METERS.flatMap<Counter | CounterColumn>((meter) =>
  COUNTERS[meter].columns.length > 1 ? [meter, ...listColumns(meter)] : listColumns(meter),
)

/** The figures of counters in display order, without the columns that add nothing to an amount. */
export const AMOUNTS = FIGURES.filter(
  (name) => isMoneyColumn(name) || !METERS.some((meter) => isIn(COUNTERS[meter].beside, name)),
)

export function listColumns(meter: Counter): readonly CounterColumn[] {
  return [...COUNTERS[meter].columns, ...COUNTERS[meter].beside]
}

function isIn(names: readonly string[], name: string): boolean {
  return names.includes(name)
}

/** @returns an object with one value for each of the meters */
export function forEachMeter<Name extends Meter, Value>(
  meters: readonly Name[],
  valueOf: (meter: Name) => Value,
): Record<Name, Value> {
  return Object.fromEntries(meters.map((meter) => [meter, valueOf(meter)])) as Record<Name, Value>
}

/** @returns the SQL of a counter's amount in a row of a roll-up, by the row's alias */
export function amountIn(row: string, meter: Counter): string {
  return COUNTERS[meter].columns.map((column) => `${row}.${column}`).join(' + ')
}

/** @returns a select list: each counter's amount under its name, with its SQL wrapped by `wrap` */
export function selectCounters(row: string, wrap: (amount: string, meter: Counter) => string): string {
  return METERS.map((meter) => `${wrap(amountIn(row, meter), meter)} as ${meter}`).join(', ')
}

/** @returns SQL that maps each counter's name in `meter` to `valueOf` of the counter; null for any other name */
export function caseOfMeter(meter: string, valueOf: (meter: Counter) => string | number): string {
  return `case ${meter} ${METERS.map((name) => `when '${name}' then ${valueOf(name)}`).join(' ')} end`
}

/** @returns how many units make up one where overage of a meter is billed */
export function billedPerOne(meter: Counter): number {
  const row: MeterRow = COUNTERS[meter]
  return row.billedPerOne ?? row.unitsPerOne
}

/** @returns SQL of the whole units in an amount as overage is billed; fractions of a unit are cut off */
export function billedUnitsIn(amount: string, meter: Counter): string {
  const perOne = billedPerOne(meter)
  return perOne === 1 ? amount : `floor((${amount}) * ${perOne})`
}
