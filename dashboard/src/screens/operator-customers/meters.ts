import { formatMoney, formatShort } from '../../lib/format.ts'

/** What limits count, in the order in which they are shown. */
export const METERS = ['api_calls', 'queries', 'tokens', 'cost_usd', 'concepts', 'storage_gb'] as const

const NAMES: Readonly<Record<string, string>> = {
  ratelimit: 'Rate limit',
  api_calls: 'API calls',
  queries: 'Queries',
  tokens: 'Tokens',
  cost_usd: 'Cost',
  concepts: 'Concepts',
  storage_gb: 'Storage',
}

export const meterName = (name: string): string => NAMES[name] ?? name

export function formatMeter(name: string, amount: number): string {
  if (name === 'cost_usd') return formatMoney(amount)
  return name === 'storage_gb' ? `${formatShort(amount)} GB` : formatShort(amount)
}
