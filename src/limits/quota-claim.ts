import type { Period } from '../lib/period.ts'
import type { QuotaClaim } from './admission.ts'

/** How long a counter outlives its month, so that late settlements and reconciliation still find it. */
const KEEP_AFTER_END_MS = 3 * 24 * 3_600_000

export function counterKey(organizationId: string, meter: string, month: string): string {
  return `quota:${organizationId}:${meter}:${month}`
}

interface Wanted {
  readonly organizationId: string
  readonly meter: string
  readonly period: Period
  readonly amount: number
  readonly limit: number | null
  readonly recorded: number
  readonly isFresh: boolean
}

export function quotaClaim({ organizationId, meter, period, ...claim }: Wanted): QuotaClaim {
  return {
    ...claim,
    counter: counterKey(organizationId, meter, period.name),
    keepUntil: period.end + KEEP_AFTER_END_MS,
  }
}
