import { and, eq, gte, isNotNull, isNull, sql } from 'drizzle-orm'
import { followedBy, whenCommitted } from '../db/batch.ts'
import { apiKeys } from '../db/schema/keys.ts'
import { oauthCodes, oauthDevices } from '../db/schema/oauth.ts'
import type { ManagementDeps } from '../deps.ts'
import { keyVersionKey } from '../limits/limit-request.ts'
import { publishVersions } from '../limits/versions.ts'

/** How long afterwards somebody may still repeat a request whose response they did not get. */
const REPEAT_MS = 3_600_000

/**
 * A statement that ends the access of a person's applications, for the batch that ends the person's own access. Their access
 * tokens are refused within 2 s of its commit, and not renewed; consents that were not exchanged yet are deleted. A
 * repeat publishes recently ended ones again, because the first request may have failed after its commit.
 *
 * @param organizationId the organization that the person leaves; all if absent
 */
export function endApplications(deps: ManagementDeps, userId: string, organizationId?: string) {
  const now = deps.now()
  const isTheirs = and(
    eq(apiKeys.createdBy, userId),
    isNotNull(apiKeys.clientId),
    organizationId === undefined ? undefined : eq(apiKeys.organizationId, organizationId),
  )
  const statement = deps.db
    .update(apiKeys)
    .set({ revokedAt: new Date(now), isActive: false, version: sql`${apiKeys.version} + 1` })
    .where(and(isTheirs, isNull(apiKeys.revokedAt)))
    .returning({ id: apiKeys.id, version: apiKeys.version })
  const lately = deps.db
    .select({ id: apiKeys.id, version: apiKeys.version })
    .from(apiKeys)
    .where(and(isTheirs, gte(apiKeys.revokedAt, new Date(now - REPEAT_MS))))
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
  const announce = (ended: readonly { readonly id: string; readonly version: number }[]) => {
    const versions = ended.map(({ id, version }) => ({ name: keyVersionKey(id), version }))
    deps.defer(publishVersions(deps, versions))
  }
  return whenCommitted(followedBy(statement, [...pending, whenCommitted(lately, announce)]), announce)
}
