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
 * Rehashes a password whose hash is of bcrypt or costs less than a new one would: only at a sign-in is the password
 * known. It is done before the answer, so that nothing that comes after a sign-in ever meets an old hash.
 *
 * @returns the stored hash that the password matches; the old one when there is none any more
 */
export async function renewHash(deps: ManagementDeps, owner: Owner, password: string): Promise<string | null> {
  const { id, passwordHash } = owner
  if (passwordHash === null || !isOutdated(passwordHash)) return passwordHash
  const renewed = await hashPassword(password).catch(unlessBusy)
  if (renewed === undefined) return passwordHash
  const stored = await replacePasswordHash(deps.db, id, passwordHash, renewed)
  if (stored === renewed) return stored
  return (await verifyPassword(password, stored)) ? stored : passwordHash // another sign-in was quicker, or a new password
}

/** The password was right: where others wait for their turn, the next sign-in renews the hash. */
function unlessBusy(error: unknown): undefined {
  if (!(error instanceof Problem && error.code === 'busy')) throw error
}
