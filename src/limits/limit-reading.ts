import { toSlug } from '../db/schema/meter-names.ts'
import type { NamedLimit } from '../db/schema/shapes.ts'
import { formatIso } from '../lib/iso.ts'
import type { LimitReading } from '../rpc-types.ts'
import type { CounterState } from './counter.ts'
import { readMeter, toLimitUnits } from './key-limits.ts'
import { fromScaledUnits } from './meters/quantities.ts'
import { formatUnits } from './meters/units.ts'

/** Formats amounts of a limit for API responses. */
export function formatLimitUnits({ meter, scale }: Pick<NamedLimit, 'meter' | 'scale'>, units: number) {
  if (scale !== undefined) return fromScaledUnits(units, scale)
  return meter === 'cost_usd' ? formatUnits(meter, units) : units
}

/** A limit's counter in the form of verdicts and reservations. */
export function describeLimit(
  limit: NamedLimit,
  { used, held, reset }: CounterState = { used: 0, held: 0, reset: null },
): LimitReading {
  return {
    meter: toSlug(readMeter(limit)),
    limit: formatLimitUnits(limit, toLimitUnits(limit)),
    held: formatLimitUnits(limit, held),
    remaining: formatLimitUnits(limit, Math.max(0, toLimitUnits(limit) - used - held)),
    resets_at: reset === null ? null : formatIso(reset),
  }
}
