import type { OverageTier } from '../../db/schema/shapes.ts'

/** One step of a graduated price. */
export interface Tier {
  /** The last unit at this price, counted from the first; `null` for all remaining units. */
  readonly upTo: bigint | null
  /** The price of one unit, in millionths of a millionth of a dollar: unit prices are far below a cent. */
  readonly picoUsd: bigint
}

const PICO_DIGITS = 12
const PICO_PER_MICRO = 1_000_000n
const MICRO_PER_CENT = 10_000n

/**
 * The price of `units` when each tier's price applies only to the units inside it (graduated pricing).
 *
 * @param tiers ascending, the last with `upTo: null`; checked when a plan is saved, not here
 * @returns whole micro-dollars, rounded half up; round to cents once, on the invoice
 */
export function price(tiers: readonly Tier[], units: bigint): bigint {
  let [from, picoUsd] = [0n, 0n]
  for (const tier of tiers) {
    const to = tier.upTo === null || tier.upTo > units ? units : tier.upTo
    if (to > from) picoUsd += (to - from) * tier.picoUsd
    from = to > from ? to : from
  }
  return divideHalfUp(picoUsd, PICO_PER_MICRO)
}

/** The price of the next `units` after the first `before`. The prices of the parts add up to the price of the whole. */
export function priceOfNext(tiers: readonly Tier[], before: bigint, units: bigint): bigint {
  return price(tiers, before + units) - price(tiers, before)
}

/** @param tiers as a plan stores them */
export function readTiers(tiers: readonly OverageTier[]): Tier[] {
  return tiers.map(({ up_to, unit_price_usd }) => ({
    upTo: up_to === null ? null : BigInt(up_to),
    picoUsd: picoUsd(unit_price_usd),
  }))
}

/** @param decimal such as `0.000002`, with at most 12 places */
function picoUsd(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.')
  return BigInt(whole + fraction.padEnd(PICO_DIGITS, '0'))
}

/** Micro-dollars as cents, rounded half up, as on an invoice. */
export function toCents(microUsd: bigint): bigint {
  return divideHalfUp(microUsd, MICRO_PER_CENT)
}

/** Micro-dollars as decimal dollars with six places: `1.234500`. */
export function toUsd(microUsd: bigint): string {
  const digits = (microUsd < 0n ? -microUsd : microUsd).toString().padStart(7, '0')
  return `${microUsd < 0n ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`
}

/** The inverse of {@link toUsd}. */
export const toMicroUsd = (usd: string): bigint => BigInt(usd.replace('.', ''))

/** A change of plan within a period: prices in cents, times in whole seconds. */
export interface PlanChange {
  readonly fromCents: bigint
  readonly toCents: bigint
  readonly secondsLeft: bigint
  readonly secondsInPeriod: bigint
}

/**
 * The immediate cost of a change of plan, in cents: the rest of the period at the new price less the rest at the old
 * price. Both providers compute it by the second, and round each of the two invoice lines to cents.
 *
 * @returns negative for a credit
 */
export function proRata({ fromCents, toCents, secondsLeft, secondsInPeriod }: PlanChange): bigint {
  const share = (cents: bigint) => divideHalfUp(cents * secondsLeft, secondsInPeriod)
  return share(toCents) - share(fromCents)
}

/** Rounds halves away from zero, as invoices do. */
function divideHalfUp(dividend: bigint, divisor: bigint): bigint {
  const half = divisor / 2n
  return dividend < 0n ? (dividend - half) / divisor : (dividend + half) / divisor
}
