/** An email address as far as its owner needs it to recognize it: `a…@example.com`. For what is kept for good. */
export function maskEmail(email: string): string {
  return email.replace(/^(.)[^@]*/su, '$1…')
}
