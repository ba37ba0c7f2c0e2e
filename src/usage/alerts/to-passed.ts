import type { AlertKind } from '../../db/schema/shapes.ts'
import { formatNamedAmount } from '../../limits/quota-reading.ts'

interface Passed {
  readonly meter: string
  readonly kind: AlertKind
  readonly threshold: number
  /** The limit, or the amount. */
  readonly limit: number
}

/** The wire form of what was passed: a percentage of a limit, or an amount. */
export function toPassed({ meter, kind, threshold, limit }: Passed) {
  const passed = formatNamedAmount(meter, limit)
  return kind === 'percentage'
    ? { threshold, limit: passed, amount: null }
    : { threshold: null, limit: null, amount: passed }
}
