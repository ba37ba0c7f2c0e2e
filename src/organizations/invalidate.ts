import { sql } from 'drizzle-orm'
import { holds } from '../db/conditions.ts'
import type { Deps, ManagementDeps } from '../deps.ts'
import { organizationVersionKey } from '../limits/limit-request.ts'
import { publishVersion } from '../limits/versions.ts'

interface Changed {
  readonly id: string
  readonly version: number
}

/**
 * Publishes the versions of changed organizations, so that every isolate rechecks their keys within two seconds.
 */
export async function invalidateOrganizations(deps: Deps, changed: readonly Changed[]): Promise<void> {
  await Promise.all(changed.map(({ id, version }) => publishVersion(deps, organizationVersionKey(id), version)))
}

/** The same for deleted organizations, with the version after their last one: their keys are deleted with them. */
export function invalidateDeleted(deps: Deps, gone: readonly Changed[]): Promise<void> {
  return invalidateOrganizations(
    deps,
    gone.map(({ id, version }) => ({ id, version: version + 1 })),
  )
}

/** Higher than any version of a row. */
const AFTER_ALL = 2_147_483_647

/**
 * Publishes a deletion again when its request is repeated: the first may have failed after its commit. The organization's
 * version is no longer stored.
 */
export async function invalidateDeletedBefore(deps: ManagementDeps, organizationId: string): Promise<void> {
  const isDeleted = sql`(
    not exists (select 1 from organizations o where o.id = ${organizationId}::uuid)
    and exists (select 1 from audit_logs a where a.target_id = ${organizationId} and a.action = 'organization.deleted'
      and a.result = 'success'))`
  if (await holds(deps.db, isDeleted)) await invalidateOrganizations(deps, [{ id: organizationId, version: AFTER_ALL }])
}
