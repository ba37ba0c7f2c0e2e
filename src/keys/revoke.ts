import type { BatchItem } from 'drizzle-orm/batch'
import { type AuditRow, audited } from '../audit/record.ts'
import type { Principal } from '../auth/principal.ts'
import { isServiceKey } from '../auth/service-scopes.ts'
import type { ManagementDeps } from '../deps.ts'
import { keyVersionKey } from '../limits/limit-request.ts'
import { publishVersion } from '../limits/versions.ts'
import { Problem } from '../problems.ts'
import { requireMayManage, selectAllowance } from './grants.ts'
import { findKeyById, type KeyRef } from './queries.ts'
import { revokeKey } from './write-queries.ts'

/**
 * Revokes a key permanently; every isolate refuses it within 2 s. Also ends a grace period at once. Idempotent.
 *
 * @throws Problem `key_not_found`; `forbidden`, `two_factor_required` for a service key
 */
export async function revoke(deps: ManagementDeps, principal: Principal, key: KeyRef): Promise<void> {
  const found = await findKeyById(deps.db, key.organizationId, key.id)
  if (!found) throw new Problem('key_not_found')
  if (isServiceKey(found.scopes)) requireMayManage(principal, await selectAllowance(deps, key.organizationId), found)
  const row = audited(deps, {
    action: 'key.revoked',
    actor: principal,
    organizationId: key.organizationId,
    target: { type: 'key', id: key.id },
  })
  await revokeWith(deps, key, row)
}

/**
 * The same for a caller that has already checked the permission.
 *
 * @param row its audit row
 * @param effects statements that run only if the key was live
 * @returns whether it was live before
 * @throws Problem `key_not_found`
 */
export async function revokeWith(
  deps: ManagementDeps,
  key: KeyRef,
  row: AuditRow,
  effects: readonly BatchItem<'pg'>[] = [],
): Promise<boolean> {
  const revoked = await revokeKey(deps.db, key, new Date(deps.now()), [row, ...effects])
  const version = revoked ?? (await findKeyById(deps.db, key.organizationId, key.id))?.version
  if (version === undefined) throw new Problem('key_not_found')
  // published again on a repeat, because the first attempt may have failed
  await publishVersion(deps, keyVersionKey(key.id), version)
  return revoked !== undefined
}
