import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { replacePasswordHash } from '../queries.ts'
import { hashPassword, isOutdated } from './hash.ts'
import { verifyPassword } from './verify.ts'

interface Owner {
  readonly id: string
  readonly passwordHash: string | null
}

/**
 * Rehashes a password whose hash is another system's or costs less than a new one. Only a sign-in knows the password. It
 * runs before the response, so that nothing after a sign-in meets an old hash.
 *
 * @returns the stored hash that matches the password, or the old one if none does any more
 */
export async function renewHash(deps: ManagementDeps, owner: Owner, password: string): Promise<string | null> {
  const { id, passwordHash } = owner
  if (passwordHash === null || !isOutdated(passwordHash)) return passwordHash
  const renewed = await hashPassword(password).catch(unlessBusy)
  if (renewed === undefined) return passwordHash
  const stored = await replacePasswordHash(deps.db, id, passwordHash, renewed)
  if (stored === renewed) return stored
  // another sign-in was faster, or the password was changed
  return (await verifyPassword(password, stored)) ? stored : passwordHash
}

/** Ignores `busy`: the password was correct. If others wait for their turn, the next sign-in renews the hash. */
function unlessBusy(error: unknown): undefined {
  if (!(error instanceof Problem && error.code === 'busy')) throw error
}
