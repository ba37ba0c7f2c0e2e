import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import { whenCommitted } from '../db/batch.ts'
import { apiKeys } from '../db/schema/keys.ts'
import type { ManagementDeps } from '../deps.ts'
import { keyVersionKey } from '../limits/limit-request.ts'
import { publishVersions } from '../limits/versions.ts'

/**
 * A statement that ends what applications may do for somebody, for the batch by which that person may act no more. Their access
 * tokens are refused within 2 s of its commit, and not renewed.
 *
 * @param organizationId the organization that the person leaves; all if absent
 */
export function endApplications(deps: ManagementDeps, userId: string, organizationId?: string) {
  const statement = deps.db
    .update(apiKeys)
    .set({ revokedAt: new Date(deps.now()), isActive: false, version: sql`${apiKeys.version} + 1` })
    .where(
      and(
        eq(apiKeys.createdBy, userId),
        isNotNull(apiKeys.clientId),
        isNull(apiKeys.revokedAt),
        organizationId === undefined ? undefined : eq(apiKeys.organizationId, organizationId),
      ),
    )
    .returning({ id: apiKeys.id, version: apiKeys.version })
  return whenCommitted(statement, (ended) => {
    const versions = ended.map(({ id, version }) => ({ name: keyVersionKey(id), version }))
    deps.defer(publishVersions(deps, versions))
  })
}
