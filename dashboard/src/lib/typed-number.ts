/**
 * Reads a number as it is typed, such as `1,000`. Text that is no number is returned as it is, so that the server refuses
 * it beside its field: JSON would make null of it, which often means no limit.
 *
 * @returns null for nothing
 */
export function readTypedNumber(text: string): number | null {
  const digits = text.replaceAll(/[\s,]/g, '')
  if (digits === '') return null
  const value = Number(digits)
  return Number.isFinite(value) ? value : (text.trim() as unknown as number)
}
