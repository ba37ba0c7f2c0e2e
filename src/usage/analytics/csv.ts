/** What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection), also in their full-width forms. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/

/**
 * One record of a CSV file (RFC 4180), with its line's end. What a spreadsheet would run begins with an apostrophe and is
 * quoted, so that it is text there; numbers are left as they are.
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
