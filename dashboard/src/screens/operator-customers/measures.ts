import type { UsageSums } from '../../api/types.ts'
import { formatMoney, formatShort } from '../../lib/format.ts'

/** What usage can be looked at by. */
export const MEASURES = [
  ['requests', 'Requests'],
  ['errors', 'Errors'],
  ['api_calls', 'API calls'],
  ['queries', 'Queries'],
  ['tokens', 'Tokens'],
  ['cost_usd', 'Cost'],
] as const

export type Measure = (typeof MEASURES)[number][0]

export const isMeasure = (text: string): text is Measure => MEASURES.some(([name]) => name === text)
export const measureName = (measure: Measure): string => MEASURES.find(([name]) => name === measure)?.[1] ?? measure
export const measure = (sums: Pick<UsageSums, Measure>, name: Measure): number => Number(sums[name])
export const formatMeasure = (value: number, name: Measure): string =>
  name === 'cost_usd' ? formatMoney(value) : formatShort(value)
