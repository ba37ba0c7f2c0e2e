import { retryUntilDone } from '../db/retry-until-done.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { findKeyById, type KeyRef, type KeyView } from './queries.ts'

/** In each round one request succeeds, so this many concurrent changes of one key all succeed. */
const MAX_ATTEMPTS = 10

/**
 * Runs a change that is decided from a key's row and written only if the row is still the same; otherwise it is decided
 * again. So checks, and the audit log's before and after, match the row that was changed.
 *
 * @param attempt returns `undefined` when nothing was written: the row had changed, or there was no room
 * @throws Problem `key_not_found`, `key_revoked`, `key_limit_reached`
 */
export async function changeKey<T>(
  deps: ManagementDeps,
  key: KeyRef,
  attempt: (row: KeyView) => Promise<T | undefined>,
): Promise<T> {
  let row = await readUnrevoked(deps, key)
  return retryUntilDone(
    async () => {
      const done = await attempt(row)
      if (done !== undefined) return done
      const current = await readUnrevoked(deps, key)
      if (current.version === row.version) throw new Problem('key_limit_reached')
      row = current
      return undefined
    },
    { subject: 'The key', max: MAX_ATTEMPTS },
  )
}

/** A key in its grace period is not revoked yet. */
async function readUnrevoked(deps: ManagementDeps, { organizationId, id }: KeyRef): Promise<KeyView> {
  const row = await findKeyById(deps.db, organizationId, id)
  if (!row) throw new Problem('key_not_found')
  if (row.revokedAt && row.revokedAt.getTime() <= deps.now()) throw new Problem('key_revoked')
  return row
}
