/** NIST SP 800-63B-4 and OWASP ASVS 6.2: length decides, composition does not. Lengths count code points. */
const SHORTEST_PASSWORD = 10
const LONGEST_PASSWORD = 256

/** What else is known of the person; a password made of it is the first one guessed. */
export interface PasswordContext {
  readonly email: string
  readonly productName: string
}

/**
 * Why a password is not accepted.
 *
 * Refused are the short, those of one repeated pattern, and those that are the email address or the product's name with
 * a few characters around it (ASVS 6.2.11).
 *
 * @returns a sentence for the person who chose it, or `undefined` when it is fine
 */
export function passwordFlaw(password: string, { email, productName }: PasswordContext): string | undefined {
  const length = [...password].length
  if (length < SHORTEST_PASSWORD) return `must have at least ${SHORTEST_PASSWORD} characters`
  if (length > LONGEST_PASSWORD) return `must have at most ${LONGEST_PASSWORD} characters`
  const lower = password.toLowerCase()
  if (/^(.{1,4})\1+$/su.test(lower)) return 'must not repeat one short pattern'
  const [local = ''] = email.split('@')
  if ([email, local, productName.toLowerCase()].some((word) => isMostly(lower, word))) {
    return 'must not be made of your email address or the name of this service'
  }
  return undefined
}

/** Whether, without the word, fewer than six characters are left to guess. */
function isMostly(password: string, word: string): boolean {
  return word.length >= 4 && password.includes(word) && password.replaceAll(word, '').length < 6
}
