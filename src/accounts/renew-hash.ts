import type { ManagementDeps } from '../http/management-env.ts'
import { hashPassword, isOutdated } from './passwords.ts'
import { replacePasswordHash } from './queries.ts'

interface Owner {
  readonly id: string
  readonly passwordHash: string | null
}

/**
 * Hashes a password anew whose hash is of bcrypt or costs less than a new one would: only at a sign-in is the password
 * known. It is done before the answer, so that nothing that comes after a sign-in ever meets an old hash.
 */
export async function renewHash(deps: ManagementDeps, owner: Owner, password: string): Promise<void> {
  const { id, passwordHash } = owner
  if (passwordHash === null || !isOutdated(passwordHash)) return
  await replacePasswordHash(deps.db, id, passwordHash, hashPassword(password))
}
