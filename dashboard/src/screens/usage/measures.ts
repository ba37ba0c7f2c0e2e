import { formatMoney, formatNumber, formatShort } from '../../lib/format.ts'
import { isSameWord, type OwnMeters } from './meters.ts'

/** Requests without an error, never below zero. */
export const countSucceeded = ({ requests, errors }: { readonly requests: number; readonly errors: number }): number =>
  Math.max(0, requests - errors)

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
  /** By slug of an own meter. */
  readonly quantities: Readonly<Record<string, number>>
}

/** What usage can be looked at by, beside the operator's own meters. */
const BUILT_IN = [
  ['requests', 'Requests'],
  ['errors', 'Errors'],
  ['api_calls', 'API calls'],
  ['queries', 'Queries'],
  ['tokens', 'Tokens'],
  ['cost_usd', 'Cost'],
] as const

type BuiltInMeasure = (typeof BUILT_IN)[number][0]
/** A built-in one, or the slug of a counter of the operator's. */
export type Measure = string

const isBuiltIn = (measure: Measure): measure is BuiltInMeasure => BUILT_IN.some(([one]) => one === measure)

/** Whether it is of one of the operator's meters. */
export const isOwn = (measure: Measure): boolean => !isBuiltIn(measure)

/** The measures to choose from. What there is of a gauge at a moment does not add up. */
export const listMeasures = (own: OwnMeters): readonly (readonly [measure: Measure, name: string])[] => [
  ...BUILT_IN,
  ...Object.entries(own).flatMap(([slug, { name, unit, kind }]) =>
    kind === 'counter' ? [[slug, isSameWord(name, unit) ? name : `${name} (${unit})`] as const] : [],
  ),
]

export const toMeasure = (text: string, own: OwnMeters): Measure =>
  listMeasures(own).some(([one]) => one === text) ? text : 'requests'

export const measureName = (measure: Measure, own: OwnMeters): string =>
  listMeasures(own).find(([one]) => one === measure)?.[1] ?? measure

/** The same inside of a sentence. */
export function describeMeasure(measure: Measure, own: OwnMeters): string {
  const name = measureName(measure, own)
  return measure === 'api_calls' || isOwn(measure) ? name : name.toLowerCase()
}

export const measureValue = (sums: Pick<Sums, BuiltInMeasure | 'quantities'>, measure: Measure): number =>
  isBuiltIn(measure) ? Number(sums[measure]) : (sums.quantities[measure] ?? 0)

/** The smallest amount that is more than what floats leave of a difference. */
export const smallestOf = (measure: Measure): number => (measure === 'cost_usd' || isOwn(measure) ? 1e-9 : 0.5)

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
