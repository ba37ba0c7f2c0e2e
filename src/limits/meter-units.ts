import { METER_ROWS, type Meter } from '../db/schema/meters.ts'

/** Meters with fractions: they are counted in millionths, so that all counting is in whole numbers. */
const hasFractions = (meter: Meter) => METER_ROWS[meter].unitsPerOne !== 1

/** An amount of a meter in the whole units it is counted in; rounded up, so that no limit is passed by a fraction. */
export function toUnits(meter: Meter, amount: number | string): number {
  if (!hasFractions(meter)) return Math.ceil(Number(amount))
  return Math.ceil(Number((Number(amount) * 1_000_000).toFixed(3)))
}

/** The amount people read. */
export function fromUnits(meter: Meter, units: number): number {
  return hasFractions(meter) ? units / 1_000_000 : units
}
