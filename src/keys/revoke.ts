import type { ManagementDeps } from '../http/management-env.ts'
import { announceVersion, keyVersion } from '../limits/versions.ts'
import { Problem } from '../problems.ts'
import { findKeyById, revokeKey } from './queries.ts'

/**
 * Revokes a key for good; every isolate refuses it within 2 s. Revoking it again is no error.
 *
 * @throws Problem `key_not_found`
 */
export async function revoke(deps: ManagementDeps, organizationId: string, id: string): Promise<void> {
  const version = await revokeKey(deps.db, organizationId, id, new Date(deps.now()))
  if (version !== undefined) await announceVersion(deps, keyVersion(id), version)
  else if (!(await findKeyById(deps.db, organizationId, id))) throw new Problem('key_not_found')
}
