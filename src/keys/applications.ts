import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import { followedBy, whenCommitted } from '../db/batch.ts'
import { apiKeys } from '../db/schema/keys.ts'
import { oauthCodes, oauthDevices } from '../db/schema/oauth.ts'
import type { ManagementDeps } from '../deps.ts'
import { keyVersionKey } from '../limits/limit-request.ts'
import { publishVersions } from '../limits/versions.ts'

/**
 * A statement that ends what applications may do for somebody, for the batch by which that person may act no more. Their access
 * tokens are refused within 2 s of its commit, and not renewed; what the person has agreed to and nobody has fetched yet is gone.
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
  const pending = [oauthCodes, oauthDevices].map((table) =>
    deps.db
      .delete(table)
      .where(
        and(
          eq(table.userId, userId),
          organizationId === undefined ? undefined : eq(table.organizationId, organizationId),
        ),
      ),
  )
  return whenCommitted(followedBy(statement, pending), (ended) => {
    const versions = ended.map(({ id, version }) => ({ name: keyVersionKey(id), version }))
    deps.defer(publishVersions(deps, versions))
  })
}
