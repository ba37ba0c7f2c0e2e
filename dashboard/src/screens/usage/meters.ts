import { formatMoney, formatName, formatNumber } from '../../lib/format.ts'

const NAMES: Readonly<Record<string, string>> = {
  api_calls: 'API calls',
  queries: 'Queries',
  tokens: 'Tokens',
  cost_usd: 'Cost',
  concepts: 'Concepts',
  storage_gb: 'Storage',
}

export const meterName = (meter: string): string => NAMES[meter] ?? formatName(meter)

/** An amount of a meter with its unit, such as `$2.50` or `4 GB`. @param unit of a meter that the operator defined */
export function formatAmount(meter: string, amount: number | string, unit?: string): string {
  if (meter === 'cost_usd') return formatMoney(amount)
  if (unit !== undefined) return `${formatNumber(Number(amount))} ${unit}`
  return meter === 'storage_gb' ? `${formatNumber(Number(amount))} GB` : formatNumber(Number(amount))
}

/** The same inside of a sentence: `1,200 API calls`. */
export function describeAmount(meter: string, amount: number | string): string {
  if (meter === 'cost_usd') return formatMoney(amount)
  if (meter === 'storage_gb') return `${formatAmount(meter, amount)} of storage`
  return `${formatAmount(meter, amount)} ${meter === 'api_calls' ? 'API calls' : meterName(meter).toLowerCase()}`
}
