/** The customer's price for a cost. Pure. Written events are charged in the same way (metering/functions/columns.ts). */
import { formatDecimal, NANO_DIGITS, parseDecimal, roundDecimal } from '../lib/decimal.ts'

/** Decimals of a cost before it is rounded: picodollars. */
export const EXACT_DIGITS = 12
const PERCENT_DIGITS = 4

/**
 * A cost with the markup of a plan, exact: it has the decimals of both together.
 *
 * @param costUsd decimal text
 * @param markupPercent decimal text with at most four decimals
 */
export function addMarkup(costUsd: string, markupPercent: string): string {
  const pico = parseDecimal(costUsd, EXACT_DIGITS) ?? 0n
  const percent = 100n * 10n ** BigInt(PERCENT_DIGITS) + (parseDecimal(markupPercent, PERCENT_DIGITS) ?? 0n)
  return formatDecimal(pico * percent, EXACT_DIGITS + PERCENT_DIGITS + 2)
}

/** The charge for an event with this cost, in nano-dollars: rounded once, half up, as in the database. */
export function chargeNanoUsd(costUsd: string, markupPercent: string): number {
  const usd = roundDecimal(addMarkup(costUsd, markupPercent), NANO_DIGITS) ?? '0'
  return Number(parseDecimal(usd, NANO_DIGITS))
}
