import { base64url, randomBytes, sha256 } from '../../lib/bytes.ts'
import { readTypedCode } from '../../lib/typed-code.ts'

/** As short as for other emails that sign in: they are out-of-band authentication (ASVS 6.5.5). */
export const CODE_SECONDS = 10 * 60

/**
 * With ten codes an hour and five tries each, guessing six digits would take about two years; eight, two hundred.
 */
const DIGITS = 8
const LINK_PREFIX = 'em_'

/** A code for typing, uniformly distributed. */
export function newTypedCode(): string {
  const random = new DataView(randomBytes(8).buffer).getBigUint64(0)
  return String(random % 10n ** BigInt(DIGITS)).padStart(DIGITS, '0')
}

export const newLinkCode = (): string => `${LINK_PREFIX}${base64url(randomBytes(32))}`

/** The format in the email. */
export const inGroups = (code: string): string => `${code.slice(0, DIGITS / 2)} ${code.slice(DIGITS / 2)}`

/** Normalizes a code, however it was typed. @returns `undefined` if it is not a code from an email */
export function readEmailCode(typed: string): string | undefined {
  if (typed.startsWith(LINK_PREFIX)) return typed
  const digits = readTypedCode(typed)
  return /^\d+$/.test(digits) && digits.length === DIGITS ? digits : undefined
}

/** The stored hash: useless without the page's verifier. @param challenge of that page */
export const hashCode = (challenge: string, code: string): Uint8Array => sha256(`${challenge}.${code}`)
