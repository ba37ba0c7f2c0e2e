import { formatMoney, formatShort } from '../../lib/format.ts'
import type { OwnMeters } from '../usage/meters.ts'

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

export const meterName = (name: string, own: OwnMeters = {}): string => own[name]?.name ?? NAMES[name] ?? name

export function formatMeter(name: string, amount: number, own: OwnMeters = {}): string {
  if (name === 'cost_usd') return formatMoney(amount)
  const unit = name === 'storage_gb' ? 'GB' : own[name]?.unit
  return unit === undefined ? formatShort(amount) : `${formatShort(amount)} ${unit}`
}
