import { forEachMeter, isMoney, METER_ROWS, type Meter, MONEY_METERS, type MoneyMeter } from '../db/schema/meters.ts'
import { formatDecimal } from '../lib/decimal.ts'

/** Decimals of meters that are counted in millionths. */
const DECIMALS = 6

/** Meters with fractions. They are counted in millionths, so that all arithmetic is in whole numbers. */
const hasFractions = (meter: Meter) => METER_ROWS[meter].unitsPerOne !== 1

/** Less than a thousandth of a unit, the smallest fraction that is stored. Such a rest is rounding noise of floats. */
const NOISE = 0.0005

/**
 * Converts an amount to the whole units in which its meter is counted. Rounds up, so that no fraction passes a limit.
 */
export function toUnits(meter: Meter, amount: number | string): number {
  if (!hasFractions(meter)) return Math.ceil(Number(amount))
  const units = Number(amount) * 1_000_000
  const nearest = Math.round(units)
  return Math.abs(units - nearest) <= Math.max(NOISE, units * Number.EPSILON) ? nearest : Math.ceil(units)
}

/** Converts units to an amount for calculations. Answers use {@link formatUnits}. */
export function fromUnits(meter: Meter, units: number): number {
  return hasFractions(meter) ? units / 1_000_000 : units
}

/** An amount of a meter on the wire: US dollars are decimal text with six decimals, all other meters are numbers. */
export type Amount<M extends Meter = Meter> = M extends MoneyMeter ? string : number

/** Formats units of a meter for the wire. */
export function formatUnits<M extends Meter>(meter: M, units: number): Amount<M> {
  return (isMoney(meter) ? formatDecimal(BigInt(units), DECIMALS) : fromUnits(meter, units)) as Amount<M>
}

/**
 * Formats an amount of a meter, as limits are stored, for the wire. A value that is not a number, in a table edited by
 * hand, is passed through: one malformed plan must not hide the others.
 */
export function formatAmount<M extends Meter>(meter: M, amount: number): Amount<M> {
  const isText = isMoney(meter) && Number.isFinite(amount)
  return (isText ? formatDecimal(BigInt(Math.round(amount * 1_000_000)), DECIMALS) : amount) as Amount<M>
}

/** The same for a limit that may be absent. */
export const formatLimit = <M extends Meter>(meter: M, limit: number | null): Amount<M> | null =>
  limit === null ? null : formatAmount(meter, limit)

/** Formats an organization's own limits, or changes to them, for the wire. */
export function formatOverrides<Overrides extends Partial<Record<MoneyMeter, number | null | undefined>>>(
  overrides: Overrides,
): Omit<Overrides, MoneyMeter> & Partial<Record<MoneyMeter, string>> {
  const own = MONEY_METERS.filter((meter) => typeof overrides[meter] === 'number')
  return { ...overrides, ...forEachMeter(own, (meter) => formatAmount(meter, overrides[meter] ?? 0)) }
}
