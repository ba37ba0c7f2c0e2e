import { and, eq, gte, isNotNull, isNull, sql } from 'drizzle-orm'
import { followedBy, whenCommitted } from '../db/batch.ts'
import type { Database } from '../db/orm.ts'
import { apiKeys } from '../db/schema/keys.ts'
import { oauthCodes, oauthDevices } from '../db/schema/oauth.ts'
import type { ManagementDeps } from '../deps.ts'
import { keyVersionKey } from '../limits/limit-request.ts'
import { publishVersions } from '../limits/versions.ts'

/** How long afterwards somebody may still repeat a request whose response they did not get. */
const REPEAT_MS = 3_600_000

interface Ending {
  readonly userId: string
  readonly now: Date
  /** The organization that the person leaves; all if absent. */
  readonly organizationId?: string | undefined
}

const isTheirs = ({ userId, organizationId }: Ending) =>
  and(
    eq(apiKeys.createdBy, userId),
    isNotNull(apiKeys.clientId),
    organizationId === undefined ? undefined : eq(apiKeys.organizationId, organizationId),
  )

/** Batch steps that revoke the access of a person's applications, and delete consents that are not exchanged yet. */
export function revokeApplications(db: Database, ending: Ending) {
  const { userId, organizationId, now } = ending
  return {
    revokedApplications: db
      .update(apiKeys)
      .set({ revokedAt: now, isActive: false, version: sql`${apiKeys.version} + 1` })
      .where(and(isTheirs(ending), isNull(apiKeys.revokedAt)))
      .returning({ id: apiKeys.id, version: apiKeys.version }),
    deletedConsents: [oauthCodes, oauthDevices].map((table) =>
      db
        .delete(table)
        .where(
          and(
            eq(table.userId, userId),
            organizationId === undefined ? undefined : eq(table.organizationId, organizationId),
          ),
        ),
    ),
  }
}

/**
 * A statement that ends the access of a person's applications, for the batch that ends the person's own access. Their access
 * tokens are refused within 2 s of its commit, and not renewed; consents that were not exchanged yet are deleted. A
 * repeat publishes recently ended ones again, because the first request may have failed after its commit.
 *
 * @param organizationId the organization that the person leaves; all if absent
 */
export function endApplications(deps: ManagementDeps, userId: string, organizationId?: string) {
  const now = deps.now()
  const ending = { userId, organizationId, now: new Date(now) }
  const { revokedApplications, deletedConsents } = revokeApplications(deps.db, ending)
  const lately = deps.db
    .select({ id: apiKeys.id, version: apiKeys.version })
    .from(apiKeys)
    .where(and(isTheirs(ending), gte(apiKeys.revokedAt, new Date(now - REPEAT_MS))))
  const announce = (ended: readonly { readonly id: string; readonly version: number }[]) => {
    const versions = ended.map(({ id, version }) => ({ name: keyVersionKey(id), version }))
    deps.defer(publishVersions(deps, versions))
  }
  return whenCommitted(followedBy(revokedApplications, [...deletedConsents, whenCommitted(lately, announce)]), announce)
}
