/** English text has about four characters per token; most other languages with spaces between words have fewer. */
const CHARACTERS_PER_TOKEN = 4

/**
 * Estimates the tokens of a text: one per four characters, but one per character of a script that is written without
 * spaces or in syllables. Pure.
 *
 * @returns not rounded
 */
export function countTextTokens(text: string): number {
  let dense = 0
  for (let at = 0; at < text.length; at++) if (isDense(text.charCodeAt(at))) dense += 1
  return dense + (text.length - dense) / CHARACTERS_PER_TOKEN
}

/**
 * UTF-16 code units: Thai to Myanmar, Khmer, and all from CJK radicals through kana and Hangul to high surrogates (rare
 * ideographs).
 */
function isDense(unit: number): boolean {
  if (unit < 0x0e00) return false
  return unit < 0x10a0 || (unit >= 0x1780 && unit < 0x1800) || (unit >= 0x2e80 && unit < 0xdc00) || isCompatible(unit)
}

/** Compatibility ideographs, and half-width kana. */
const isCompatible = (unit: number) => (unit >= 0xf900 && unit < 0xfb00) || (unit >= 0xff66 && unit < 0xffa0)
