/** NIST SP 800-63B-4 and OWASP ASVS 6.2: length decides, composition does not. Lengths are in code points. */
const MIN_PASSWORD_LENGTH = 10
const MAX_PASSWORD_LENGTH = 256

/** Known data of the person. Passwords derived from it are guessed first. */
export interface PasswordContext {
  readonly email: string
  readonly productName: string
}

/**
 * Finds out why a password is not accepted.
 *
 * Refuses short passwords, repetitions of one pattern, and the email address or the product's name with a few
 * characters around it (ASVS 6.2.11).
 *
 * @returns a sentence for the person who chose it, or `undefined` if it is accepted
 */
export function passwordFlaw(password: string, { email, productName }: PasswordContext): string | undefined {
  const length = [...password].length
  if (length < MIN_PASSWORD_LENGTH) return `must have at least ${MIN_PASSWORD_LENGTH} characters`
  if (length > MAX_PASSWORD_LENGTH) return `must have at most ${MAX_PASSWORD_LENGTH} characters`
  const lower = password.toLowerCase()
  if (/^(.{1,4})\1+$/su.test(lower)) return 'must not repeat one short pattern'
  const [local = ''] = email.split('@')
  if ([email, local, productName.toLowerCase()].some((word) => isMostly(lower, word))) {
    return 'must not be derived from your email address or the name of this service'
  }
  return undefined
}

/** Whether fewer than six characters remain to guess without the word. */
function isMostly(password: string, word: string): boolean {
  return word.length >= 4 && password.includes(word) && password.replaceAll(word, '').length < 6
}
