const DECIMAL = /^(\d{1,30})(?:\.(\d{0,60}))?(?:e([+-]?\d{1,2}))?$/i

/**
 * A number as text, rounded half up to a fixed count of decimals. No step is a float.
 *
 * @param text digits with an optional fraction and exponent, as JSON writes numbers: `0.00014175`, `1e-7`
 * @returns undefined for anything else, negative numbers included
 */
export function roundDecimal(text: string, places: number): string | undefined {
  const read = readDecimal(text, places)
  return read && formatDecimal((read.digits + read.divisor / 2n) / read.divisor, places)
}

/**
 * A number as text, in whole units of a decimal; a fraction of a unit counts as one more.
 *
 * @returns undefined for what {@link roundDecimal} does not read either
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
