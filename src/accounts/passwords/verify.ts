import { hashCost, passwordMatches } from './hash.ts'
import { inTurn } from './hash-turns.ts'

/** Every bcrypt variant with the same meaning, up to a cost that a request can pay: 14 takes about a second of CPU. */
const BCRYPT = /^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/

/** Of one of its 2^cost rounds: a hash of cost 10 takes about as long as one of argon2id. */
const BCRYPT_ROUND_MS = 0.06

/**
 * Whether this is the password of a stored hash: argon2id, or bcrypt for a user who was imported and has not signed in since.
 *
 * bcrypt looks at the first 72 bytes alone. What matches is then hashed whole, as it was typed (`renewHash`), so that
 * from the first sign-in on every byte counts.
 *
 * @throws Problem `busy` when too many passwords wait in this isolate
 */
export async function verifyPassword(password: string, stored: string | null | undefined): Promise<boolean> {
  const [, rounds] = BCRYPT.exec(stored ?? '') ?? []
  if (!stored || !rounds) return passwordMatches(password, stored)
  const { compare } = await import('bcryptjs')
  return inTurn(2 ** Number(rounds) * BCRYPT_ROUND_MS, () => compare(password, stored))
}

/** Whether a password can be verified against this: what an import may store. */
export const isUsableHash = (stored: string): boolean => BCRYPT.test(stored) || hashCost(stored) !== undefined
