/** An email address that only its owner can recognize: `a…@example.com`. For records that are kept forever. */
export function maskEmail(email: string): string {
  return email.replace(/^(.)[^@]*/su, '$1…')
}
