import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { findKeyById, type KeyRef, type KeyView } from './queries.ts'

/** Each round somebody's change is done, so this many at once on one key all come through. */
const MAX_ATTEMPTS = 10

/**
 * Runs a change that is decided on a key's row and done only while the row is still that one; decided again when it is
 * not. So a check, and what the audit log says of before and after, are true of the row that was changed.
 *
 * @param attempt gives `undefined` when nothing was done: because the row had changed, or because there was no room
 * @throws Problem `key_not_found`, `key_revoked`, `key_limit_reached`
 */
export async function changeKey<T>(
  deps: ManagementDeps,
  key: KeyRef,
  attempt: (row: KeyView) => Promise<T | undefined>,
): Promise<T> {
  let row = await readUnrevoked(deps, key)
  for (let round = 0; round < MAX_ATTEMPTS; round++) {
    const done = await attempt(row)
    if (done !== undefined) return done
    const current = await readUnrevoked(deps, key)
    if (current.version === row.version) throw new Problem('key_limit_reached')
    row = current
  }
  throw new Problem('unavailable', { detail: 'The key is being changed right now.' })
}

/** A key in its grace period is not revoked yet. */
async function readUnrevoked(deps: ManagementDeps, { organizationId, id }: KeyRef): Promise<KeyView> {
  const row = await findKeyById(deps.db, organizationId, id)
  if (!row) throw new Problem('key_not_found')
  if (row.revokedAt && row.revokedAt.getTime() <= deps.now()) throw new Problem('key_revoked')
  return row
}
