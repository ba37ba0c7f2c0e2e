import { forEachMeter, isMoney, METER_ROWS, type Meter, MONEY_METERS, type MoneyMeter } from '../../db/schema/meters.ts'
import { formatDecimal, formatNanoUsd, NANO_DIGITS, parseDecimal } from '../../lib/decimal.ts'

/** Meters with fractions. They are counted in millionths, money in billionths, so that all arithmetic is in whole numbers. */
const hasFractions = (meter: Meter) => METER_ROWS[meter].unitsPerOne !== 1

/** Less than a thousandth of the smallest stored fraction. Such a rest is floating-point noise. */
const NOISE = 0.0005
const NANO_NOISE = 0.0005e-9

/**
 * Converts an amount to the whole units in which its meter is counted. Rounds up, so that no fraction passes a limit.
 * US dollars are exact up to nine million: above that, a number cannot represent every nano-dollar.
 */
export function toUnits(meter: Meter, amount: number | string): number {
  if (isMoney(meter)) return toNanoUsd(amount)
  if (!hasFractions(meter)) return Math.ceil(Number(amount))
  const units = Number(amount) * METER_ROWS[meter].unitsPerOne
  const nearest = Math.round(units)
  return Math.abs(units - nearest) <= Math.max(NOISE, units * Number.EPSILON) ? nearest : Math.ceil(units)
}

/** The shortest text of a number is what the caller wrote; sums of floats have noise (0.1 + 0.2 is 0.3). */
function toNanoUsd(amount: number | string): number {
  const text = String(amount)
  if (typeof amount === 'number' && /\.\d{10}/.test(text)) {
    const nearest = amount.toFixed(NANO_DIGITS)
    const noise = Math.max(NANO_NOISE, amount * Number.EPSILON)
    if (Math.abs(Number(nearest) - amount) <= noise) return Number(parseDecimal(nearest, NANO_DIGITS))
  }
  const units = parseDecimal(text, NANO_DIGITS)
  return units === undefined ? Math.ceil(Number(amount) * METER_ROWS.cost_usd.unitsPerOne) : Number(units)
}

/** Converts units to an amount for calculations. Responses use {@link formatUnits}. */
export function fromUnits(meter: Meter, units: number): number {
  return hasFractions(meter) ? units / METER_ROWS[meter].unitsPerOne : units
}

/** An amount of a meter in the API: US dollars are decimal text with six to nine decimals, all other meters are numbers. */
export type Amount<M extends Meter = Meter> = M extends MoneyMeter ? string : number

/** Formats units of a meter for the API. */
export function formatUnits<M extends Meter>(meter: M, units: number): Amount<M> {
  return (isMoney(meter) ? formatNanoUnits(units) : fromUnits(meter, units)) as Amount<M>
}

/** Above the range in which a number represents single nano-dollars, amounts are shown to the millionth. */
function formatNanoUnits(units: number): string {
  if (Number.isSafeInteger(units)) return formatNanoUsd(BigInt(units))
  return formatDecimal(BigInt(Math.round(units / 1_000)), 6)
}

/**
 * Formats an amount of a meter, as limits are stored, for the API. A value that is not a number, in a manually edited
 * table, is passed through: one malformed plan must not hide the others.
 */
export function formatAmount<M extends Meter>(meter: M, amount: number): Amount<M> {
  const isText = isMoney(meter) && Number.isFinite(amount)
  return (isText ? formatUnits(meter, toUnits(meter, amount)) : amount) as Amount<M>
}

/** The same for a limit that may be absent. */
export const formatLimit = <M extends Meter>(meter: M, limit: number | null): Amount<M> | null =>
  limit === null ? null : formatAmount(meter, limit)

/** Formats an organization's own limits, or changes to them, for the API. */
export function formatOverrides<Overrides extends Partial<Record<MoneyMeter, number | null | undefined>>>(
  overrides: Overrides,
): Omit<Overrides, MoneyMeter> & Partial<Record<MoneyMeter, string>> {
  const own = MONEY_METERS.filter((meter) => typeof overrides[meter] === 'number')
  return { ...overrides, ...forEachMeter(own, (meter) => formatAmount(meter, overrides[meter] ?? 0)) }
}
