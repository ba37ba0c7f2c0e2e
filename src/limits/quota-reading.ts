import { isMoney, type Meter } from '../db/schema/meters.ts'
import type { MeterRequest, MeterState } from './limit-request.ts'
import { fromScaledUnits } from './meters/quantities.ts'
import { formatAmount, formatUnits } from './meters/units.ts'

/** Formats units of any meter for the API. */
export function formatMeterUnits(
  { meter, scale }: Pick<MeterRequest, 'meter' | 'scale'>,
  units: number,
): number | string {
  return scale === undefined ? formatUnits(meter as Meter, units) : fromScaledUnits(units, scale)
}

/** A meter's limit and counters in the form of verdicts and reservations. Overage takes of what a cap leaves. */
export function describeReading(
  request: Pick<MeterRequest, 'meter' | 'limit' | 'scale' | 'spend'>,
  { used, held, overage }: MeterState = { used: 0, held: 0 },
  resets_at: string,
) {
  const { limit, spend } = request
  const most = Math.min(limit ?? 0, (spend?.cap ?? Number.POSITIVE_INFINITY) - (overage?.now ?? 0))
  const toWire = (units: number) => formatMeterUnits(request, units)
  return {
    limit: limit === null ? null : toWire(limit),
    used: toWire(used),
    held: toWire(held),
    remaining: limit === null ? null : toWire(Math.max(0, most - used - held)),
    resets_at,
  }
}

/** An amount of any meter, by its name in the API, in display units. */
export const formatNamedAmount = (name: string, amount: number): number | string =>
  isMoney(name) ? formatAmount(name, amount) : amount
