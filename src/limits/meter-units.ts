import { forEachMeter, isMoney, METER_ROWS, type Meter, MONEY_METERS, type MoneyMeter } from '../db/schema/meters.ts'
import { formatDecimal } from '../lib/decimal.ts'

/** Decimals of what is counted in millionths. */
const DECIMALS = 6

/** Meters with fractions: they are counted in millionths, so that all counting is in whole numbers. */
const hasFractions = (meter: Meter) => METER_ROWS[meter].unitsPerOne !== 1

/** Of a unit: less than the least fraction that is stored, a thousandth. What floats add to an amount is no fraction of it. */
const NOISE = 0.0005

/** An amount of a meter in the whole units it is counted in; rounded up, so that no limit is passed by a fraction. */
export function toUnits(meter: Meter, amount: number | string): number {
  if (!hasFractions(meter)) return Math.ceil(Number(amount))
  const units = Number(amount) * 1_000_000
  const nearest = Math.round(units)
  return Math.abs(units - nearest) <= Math.max(NOISE, units * Number.EPSILON) ? nearest : Math.ceil(units)
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

/**
 * An amount of a meter, as limits are stored, as it goes over the wire. What is no number in a table that was edited by hand
 * goes out as it is: one odd plan hides no other.
 */
export function formatAmount<M extends Meter>(meter: M, amount: number): Amount<M> {
  const isText = isMoney(meter) && Number.isFinite(amount)
  return (isText ? formatDecimal(BigInt(Math.round(amount * 1_000_000)), DECIMALS) : amount) as Amount<M>
}

/** The same where there may be none. */
export const formatLimit = <M extends Meter>(meter: M, limit: number | null): Amount<M> | null =>
  limit === null ? null : formatAmount(meter, limit)

/** An organization's own limits, or changes of them, as they go over the wire. */
export function formatOverrides<Overrides extends Partial<Record<MoneyMeter, number | null | undefined>>>(
  overrides: Overrides,
): Omit<Overrides, MoneyMeter> & Partial<Record<MoneyMeter, string>> {
  const own = MONEY_METERS.filter((meter) => typeof overrides[meter] === 'number')
  return { ...overrides, ...forEachMeter(own, (meter) => formatAmount(meter, overrides[meter] ?? 0)) }
}
