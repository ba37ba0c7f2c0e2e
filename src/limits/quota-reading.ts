import type { MeterRequest, MeterState } from './limit-request.ts'
import { formatUnits } from './meter-units.ts'

/** A meter's limit and counters in the form of verdicts and reservations. */
export function describeReading(
  { meter, limit }: Pick<MeterRequest, 'meter' | 'limit'>,
  { used, held }: MeterState = { used: 0, held: 0 },
  resets_at: string,
) {
  return {
    limit: limit === null ? null : formatUnits(meter, limit),
    used: formatUnits(meter, used),
    held: formatUnits(meter, held),
    remaining: limit === null ? null : formatUnits(meter, Math.max(0, limit - used - held)),
    resets_at,
  }
}
