import { formatUnitPrice } from './format.ts'

/** In groups of three, as the page itself writes numbers: `1,000.50`. Nothing starts with a zero that has a group behind it. */
const BY_COMMAS = /^[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$/
/** As in France: `1 000,50`. The keyboard's space, or a narrow one. */
const BY_SPACES = /^[1-9]\d{0,2}(?:\s\d{3})+(?:[.,]\d+)?$/
/** A lone comma is the decimal sign: the decimal keyboards of many languages have no other. */
const PLAIN = /^(?:\d+[.,]?\d*|[.,]\d+)$/
/** As JSON writes numbers that are very small. */
const WITH_EXPONENT = /^\d+(?:\.\d+)?e[-+]?\d+$/i

/** A thousand in German, one in English. A count or level is rarely written with three zeros behind its point. */
const IS_AMBIGUOUS = /^[1-9]\d{0,2}\.000$/

/** @returns the digits with a point as the decimal sign; undefined for what is no number */
function parse(text: string): string | undefined {
  const [, sign = '', digits = ''] = /^([-\u2212]?)\s*\$?\s*(.*)$/s.exec(text.trim()) ?? []
  const plain = toPlain(digits)
  return plain === undefined ? undefined : `${sign && '-'}${plain}`
}

function toPlain(digits: string): string | undefined {
  if (WITH_EXPONENT.test(digits)) return digits
  if (BY_COMMAS.test(digits)) return digits.replaceAll(',', '')
  if (BY_SPACES.test(digits)) return digits.replaceAll(/\s/g, '').replace(',', '.')
  if (!PLAIN.test(digits)) return undefined
  return digits.replace(',', '.').replace(/^\./, '0.').replace(/\.$/, '')
}

/**
 * Reads an amount as people type it, as the API takes it: `$1,000.50` is `1000.50`, and `10,50` is `10.50`. Money stays
 * text, so that no digit is lost. Text that is no number is returned as it is, so that the server refuses it beside its field.
 */
export const readTypedDecimal = (text: string): string => parse(text) ?? text.trim()

/**
 * The same for what the API takes as a number: JSON would make null of what is none, which often means no limit.
 *
 * @returns null for nothing
 */
export function readTypedNumber(text: string): number | null {
  if (text.trim() === '') return null
  const digits = IS_AMBIGUOUS.test(text.trim()) ? undefined : parse(text)
  return digits === undefined ? (text.trim() as unknown as number) : Number(digits)
}

/** What was read of typed US dollars, such as `$10.50`; undefined if there is no amount. */
export function describeTypedMoney(text: string): string | undefined {
  const amount = parse(text)
  return amount === undefined ? undefined : formatUnitPrice(amount)
}
