import { hashCost, passwordMatches } from './hash.ts'
import { inTurn } from './hash-turns.ts'
import { isImportable, readImported } from './imported.ts'

/**
 * Whether this is the password of a stored hash: argon2id, or another system's hash for an imported user who has not signed
 * in since.
 *
 * bcrypt reads only the first 72 bytes. A matching password is then hashed in full (`renewHash`), so that from the
 * first sign-in on every byte counts. Some systems normalize passwords before hashing (NFKC). Tollgate uses them exactly as
 * typed, so for an imported hash both forms are tried.
 *
 * @throws Problem `busy` if too many passwords wait in this isolate
 */
export async function verifyPassword(password: string, stored: string | null | undefined): Promise<boolean> {
  const imported = readImported(stored ?? '')
  if (!imported) return passwordMatches(password, stored)
  const { ms, compare } = imported
  if (await inTurn(ms, () => compare(password))) return true
  const normalized = password.normalize('NFKC')
  return normalized !== password && inTurn(ms, () => compare(normalized))
}

/** Whether an import may store this hash: another system's or argon2id, verifiable in less time than a refused sign-in takes. */
export const isUsableHash = (stored: string): boolean => isImportable(stored) || hashCost(stored) !== undefined
