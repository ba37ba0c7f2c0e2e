import type { Quotas } from '../../api/types.ts'
import { formatMoney, formatName, formatNumber } from '../../lib/format.ts'

/** A meter that the operator defined, as people read it. */
interface OwnMeter {
  readonly name: string
  readonly unit: string
  readonly kind: 'counter' | 'gauge'
}

/** By slug. */
export type OwnMeters = Readonly<Record<string, OwnMeter>>

type Reading = Partial<OwnMeter> | undefined

export function readOwnMeters({ meters }: Quotas): OwnMeters {
  const own = Object.entries<Reading>(meters).flatMap(([slug, { name, unit, kind } = {}]) =>
    name !== undefined && unit !== undefined && kind !== undefined ? [[slug, { name, unit, kind }] as const] : [],
  )
  return Object.fromEntries(own)
}

const NAMES: Readonly<Record<string, string>> = {
  api_calls: 'API calls',
  queries: 'Queries',
  tokens: 'Tokens',
  cost_usd: 'Cost',
  concepts: 'Concepts',
  storage_gb: 'Storage',
}

export const BUILT_IN_METERS: readonly string[] = Object.keys(NAMES)

/** The built-in ones, and then those that the operator defined. */
export const listMeters = ({ meters }: Quotas): string[] => [...new Set([...BUILT_IN_METERS, ...Object.keys(meters)])]

/** @param own where the meter may be one of the operator's */
export const meterName = (meter: string, own: OwnMeters = {}): string =>
  own[meter]?.name ?? NAMES[meter] ?? formatName(meter)

/** An amount of a meter with its unit, such as `$2.50` or `4 GB`. @param unit of a meter that the operator defined */
export function formatAmount(meter: string, amount: number | string, unit?: string): string {
  if (meter === 'cost_usd') return formatMoney(amount)
  if (unit !== undefined) return `${formatNumber(Number(amount))} ${unit}`
  return meter === 'storage_gb' ? `${formatNumber(Number(amount))} GB` : formatNumber(Number(amount))
}

/** Whether a meter's unit says its name again, as with pages. */
export const isSameWord = (name: string, unit: string) => name.toLowerCase() === unit.toLowerCase()

/** The same inside of a sentence: `1,200 API calls`, or `30 seconds of Audio`. */
export function describeAmount(meter: string, amount: number | string, own: OwnMeters = {}): string {
  const { name, unit } = own[meter] ?? {}
  if (name !== undefined && unit !== undefined)
    return `${formatAmount(meter, amount, unit)}${isSameWord(name, unit) ? '' : ` of ${name}`}`
  if (meter === 'cost_usd') return formatMoney(amount)
  if (meter === 'storage_gb') return `${formatAmount(meter, amount)} of storage`
  return `${formatAmount(meter, amount)} ${meter === 'api_calls' ? 'API calls' : meterName(meter).toLowerCase()}`
}
