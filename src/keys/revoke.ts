import { audited } from '../audit/record.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import type { Principal } from '../http/principal.ts'
import { announceVersion, keyVersion } from '../limits/versions.ts'
import { Problem } from '../problems.ts'
import { findKeyById, isLiveKey, revokeKey } from './queries.ts'

/**
 * Revokes a key for good; every isolate refuses it within 2 s. Revoking it again is no error.
 *
 * @throws Problem `key_not_found`
 */
export async function revoke(
  deps: ManagementDeps,
  principal: Principal,
  organizationId: string,
  id: string,
): Promise<void> {
  const row = audited(deps, {
    act: 'key.revoked',
    actor: principal,
    organizationId,
    target: { type: 'key', id },
    provided: isLiveKey(organizationId, id),
  })
  const version = await revokeKey(deps.db, { organizationId, id }, new Date(deps.now()), row)
  if (version !== undefined) await announceVersion(deps, keyVersion(id), version)
  else if (!(await findKeyById(deps.db, organizationId, id))) throw new Problem('key_not_found')
}
