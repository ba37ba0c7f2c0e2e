/**
 * Characters that a spreadsheet treats as the start of a formula (OWASP, CSV injection), including full-width forms.
 */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/

/**
 * One record of a CSV file (RFC 4180), with its line end. Text that a spreadsheet would run gets an apostrophe in front
 * and is quoted; numbers stay unchanged.
 */
export function csvRecord(values: readonly unknown[]): string {
  return `${values.map(field).join(',')}\r\n`
}

function field(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return String(value)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const isFormula = FORMULA.test(text)
  return isFormula || /[",\r\n]/.test(text) ? `"${(isFormula ? `'${text}` : text).replaceAll('"', '""')}"` : text
}
