import { formatMoney, formatNumber, formatShort } from '../../lib/format.ts'

/** The figures that a point of a time series and a row of a breakdown have in common. */
export interface Sums {
  readonly requests: number
  readonly errors: number
  readonly error_rate: number | null
  readonly api_calls: number
  readonly queries: number
  readonly tokens: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cached_tokens: number
  readonly cost_usd: string
  readonly unpriced: number
  readonly p95_response_time_ms: number | null
}

export const MEASURES = [
  ['requests', 'Requests'],
  ['errors', 'Errors'],
  ['api_calls', 'API calls'],
  ['queries', 'Queries'],
  ['tokens', 'Tokens'],
  ['cost_usd', 'Cost'],
] as const

export type Measure = (typeof MEASURES)[number][0]

export const toMeasure = (text: string): Measure => MEASURES.find(([one]) => one === text)?.[0] ?? 'requests'
export const measureName = (measure: Measure): string => MEASURES.find(([one]) => one === measure)?.[1] ?? measure
export const measureValue = (sums: Sums, measure: Measure): number => Number(sums[measure])
export const formatMeasure = (measure: Measure) => (value: number) =>
  measure === 'cost_usd' ? formatMoney(value) : formatNumber(value)
export const formatTick = (measure: Measure) => (value: number) =>
  measure === 'cost_usd' ? formatMoney(value) : formatShort(value)

export const DIMENSIONS = [
  ['endpoint', 'Endpoint'],
  ['key', 'API key'],
  ['model', 'Model'],
  ['provider', 'Provider'],
  ['route', 'Route'],
  ['status', 'Status'],
  ['environment', 'Environment'],
] as const

export type Dimension = (typeof DIMENSIONS)[number][0]

export const toDimension = (text: string): Dimension | undefined => DIMENSIONS.find(([one]) => one === text)?.[0]
export const dimensionName = (dimension: Dimension): string =>
  DIMENSIONS.find(([one]) => one === dimension)?.[1] ?? dimension

/** Cost as far as it is known: nothing is known where no event of a row has a price. */
export const describeCost = ({ cost_usd, unpriced }: Pick<Sums, 'cost_usd' | 'unpriced'>): string =>
  unpriced > 0 && Number(cost_usd) === 0 ? 'Unknown' : formatMoney(cost_usd)

/** A dimension's name as a filter of the API. */
export const filterOf = (dimension: Dimension): string => (dimension === 'key' ? 'key_id' : dimension)

interface Group {
  readonly value: string | null
  readonly name?: string | null | undefined
}

/** A row of a breakdown, as people call it. */
export const groupName = ({ value, name }: Group, dimension: Dimension): string =>
  name || value || `No ${dimension === 'key' ? 'API key' : dimension}`
