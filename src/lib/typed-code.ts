/**
 * A code as a person typed or pasted it, for comparison: lower-case letters and ASCII digits. Digits of any script are digits; spaces,
 * dashes, quotes and other signs, also invisible ones, make no difference.
 */
export const readTypedCode = (typed: string): string =>
  typed
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{Nd}]/gu, '')
    .replaceAll(/\p{Nd}/gu, toAsciiDigit)

/** In Unicode the digits of a script follow each other, from 0 to 9. */
function toAsciiDigit(digit: string): string {
  const code = digit.codePointAt(0) ?? 0
  let zero = code
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--
  return String((code - zero) % 10)
}
