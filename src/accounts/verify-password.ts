import { hashCost, passwordMatches } from './passwords.ts'

/** Every bcrypt variant with the same meaning, up to a cost that a request can pay: 14 takes about a second of CPU. */
const BCRYPT = /^\$2[aby]\$(?:0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/

/**
 * Whether this is the password of a stored hash: argon2id, or bcrypt for a user who was imported and has not signed in since.
 *
 * bcrypt looks at the first 72 bytes alone. What matches is then hashed whole, as it was typed (`renewHash`), so that
 * from the first sign-in on every byte counts.
 */
export async function verifyPassword(password: string, stored: string | null | undefined): Promise<boolean> {
  if (!stored || !BCRYPT.test(stored)) return passwordMatches(password, stored)
  const { compare } = await import('bcryptjs')
  return compare(password, stored)
}

/** Whether a password can be verified against this: what an import may store. */
export const isUsableHash = (stored: string): boolean => BCRYPT.test(stored) || hashCost(stored) !== undefined
