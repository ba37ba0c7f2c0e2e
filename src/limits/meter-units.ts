import { isMoney, METER_ROWS, type Meter, type MoneyMeter } from '../db/schema/meters.ts'
import { formatDecimal } from '../lib/decimal.ts'

/** Decimals of what is counted in millionths. */
const DECIMALS = 6

/** Meters with fractions: they are counted in millionths, so that all counting is in whole numbers. */
const hasFractions = (meter: Meter) => METER_ROWS[meter].unitsPerOne !== 1

/** An amount of a meter in the whole units it is counted in; rounded up, so that no limit is passed by a fraction. */
export function toUnits(meter: Meter, amount: number | string): number {
  if (!hasFractions(meter)) return Math.ceil(Number(amount))
  return Math.ceil(Number((Number(amount) * 1_000_000).toFixed(3)))
}

/** Units as an amount to reckon with; what goes out is {@link formatUnits}. */
export function fromUnits(meter: Meter, units: number): number {
  return hasFractions(meter) ? units / 1_000_000 : units
}

/** An amount of a meter on the wire: US dollars are decimal text with six decimals, all other meters are numbers. */
export type Amount<M extends Meter = Meter> = M extends MoneyMeter ? string : number

/** Units of a meter as they go over the wire. */
export function formatUnits<M extends Meter>(meter: M, units: number): Amount<M> {
  return (isMoney(meter) ? formatDecimal(BigInt(units), DECIMALS) : fromUnits(meter, units)) as Amount<M>
}

/** An amount of a meter, as limits are stored, as it goes over the wire. */
export function formatAmount<M extends Meter>(meter: M, amount: number): Amount<M> {
  return (isMoney(meter) ? formatDecimal(BigInt(Math.round(amount * 1_000_000)), DECIMALS) : amount) as Amount<M>
}

/** The same where there may be none. */
export const formatLimit = <M extends Meter>(meter: M, limit: number | null): Amount<M> | null =>
  limit === null ? null : formatAmount(meter, limit)
