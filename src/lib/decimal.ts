const DECIMAL = /^(?=\.?\d)(\d{0,30})(?:\.(\d{0,60}))?(?:e([+-]?\d{1,3}))?$/i

/**
 * Rounds a number in text half up to a fixed number of decimals. No step uses floats.
 *
 * @param text digits with an optional fraction and exponent, as JSON writes numbers, or without a leading zero:
 *   `0.00014175`, `.5`, `1e-7`
 * @returns undefined for anything else, negative numbers included
 */
export function roundDecimal(text: string, places: number): string | undefined {
  const units = roundToUnits(text, places)
  return units === undefined ? undefined : formatDecimal(units, places)
}

/** The same in whole units of the last decimal. */
export function roundToUnits(text: string, places: number): bigint | undefined {
  const read = readDecimal(text, places)
  return read && (read.digits + read.divisor / 2n) / read.divisor
}

/**
 * Parses a number in text to whole units of a decimal place; a fraction of a unit counts as one more.
 *
 * @returns undefined for text that {@link roundDecimal} cannot read either
 */
export function parseDecimal(text: string, places: number): bigint | undefined {
  const read = readDecimal(text, places)
  return read && (read.digits + read.divisor - 1n) / read.divisor
}

/** The number times ten to the `places`, as `digits / divisor`. */
function readDecimal(text: string, places: number): { digits: bigint; divisor: bigint } | undefined {
  const [, whole, fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? []
  if (whole === undefined) return undefined
  const excess = fraction.length - Number(exponent) - places // digits after the last one that is kept
  const digits = BigInt(whole + fraction) * 10n ** BigInt(Math.max(0, -excess))
  return { digits, divisor: 10n ** BigInt(Math.max(0, excess)) }
}

/** @param amount in units of the last decimal */
export function formatDecimal(amount: bigint, places: number): string {
  const digits = String(amount).padStart(places + 1, '0')
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`
}

/** Money is kept in nano-dollars. */
export const NANO_DIGITS = 9

/** Formats nano-dollars as decimal text: up to nine decimals without trailing zeros, and at least six. */
export const formatNanoUsd = (nanoUsd: bigint) => formatDecimal(nanoUsd, NANO_DIGITS).replace(/0{1,3}$/, '')
