import { lazily } from '../../lib/lazily.ts'
import { hashCost, passwordMatches } from './hash.ts'
import { inTurn } from './hash-turns.ts'

const loadBcryptjs = lazily(() => import('bcryptjs'))

/**
 * Every bcrypt variant with the same meaning, up to the highest cost that a request can afford: 14, which earlier
 * imports accepted, is about a second of CPU.
 */
const BCRYPT = /^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/

/**
 * A hash of this cost is compared within a quarter of the time that every refused sign-in takes, so that even a core
 * four times slower does it in time. A longer comparison would reveal which users were imported.
 */
export const MAX_IMPORTED_COST = 12

/** For one of its 2^cost rounds: a hash of cost 10 takes about as long as argon2id. */
export const BCRYPT_ROUND_MS = 0.06

/**
 * Whether this is the password of a stored hash: argon2id, or bcrypt for an imported user who has not signed in since.
 *
 * bcrypt reads only the first 72 bytes. A matching password is then hashed in full (`renewHash`), so that from the
 * first sign-in on every byte counts.
 *
 * @throws Problem `busy` when too many passwords wait in this isolate
 */
export async function verifyPassword(password: string, stored: string | null | undefined): Promise<boolean> {
  const [, rounds] = BCRYPT.exec(stored ?? '') ?? []
  if (!stored || !rounds) return passwordMatches(password, stored)
  const { compare } = await loadBcryptjs()
  return inTurn(2 ** Number(rounds) * BCRYPT_ROUND_MS, () => compare(password, stored))
}

/** Whether an import may store this hash: it can be verified in less time than a refused sign-in takes. */
export function isUsableHash(stored: string): boolean {
  const [, rounds] = BCRYPT.exec(stored) ?? []
  return rounds === undefined ? hashCost(stored) !== undefined : Number(rounds) <= MAX_IMPORTED_COST
}
