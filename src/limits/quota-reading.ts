import { isMoney, type Meter } from '../db/schema/meters.ts'
import type { MeterRequest, MeterState } from './limit-request.ts'
import { formatAmount, formatUnits } from './meter-units.ts'
import { fromScaledUnits } from './quantities.ts'

/** Units of any meter for the wire. */
export function formatMeterUnits(
  { meter, scale }: Pick<MeterRequest, 'meter' | 'scale'>,
  units: number,
): number | string {
  return scale === undefined ? formatUnits(meter as Meter, units) : fromScaledUnits(units, scale)
}

/** A meter's limit and counters in the form of verdicts and reservations. */
export function describeReading(
  request: Pick<MeterRequest, 'meter' | 'limit' | 'scale'>,
  { used, held }: MeterState = { used: 0, held: 0 },
  resets_at: string,
) {
  const { limit } = request
  const toWire = (units: number) => formatMeterUnits(request, units)
  return {
    limit: limit === null ? null : toWire(limit),
    used: toWire(used),
    held: toWire(held),
    remaining: limit === null ? null : toWire(Math.max(0, limit - used - held)),
    resets_at,
  }
}

/** An amount of any meter, by its name on the wire, in the units that people read. */
export const formatNamedAmount = (name: string, amount: number): number | string =>
  isMoney(name) ? formatAmount(name, amount) : amount
