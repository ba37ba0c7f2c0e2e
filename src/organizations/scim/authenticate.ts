import { eq, sql } from 'drizzle-orm'
import { directories } from '../../db/schema/directories.ts'
import type { ManagementDeps } from '../../deps.ts'
import { sha256 } from '../../lib/bytes.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'

/** The precision of the last-used time. */
const USE_STEP_MS = 5 * 60_000

/**
 * @param authorization the header's value
 * @returns the organization that owns the directory
 * @throws Problem `unauthenticated`, `rate_limited`
 */
export async function authenticateDirectory(deps: ManagementDeps, authorization: string | undefined): Promise<string> {
  const [, token] = /^Bearer +(scim_[\w-]{20,100})$/i.exec(authorization ?? '') ?? []
  if (token === undefined) throw new Problem('unauthenticated')
  const tokenHash = sha256(token)
  const [row] = await deps.db
    .select({ organizationId: directories.organizationId, lastUsedAt: directories.lastUsedAt })
    .from(directories)
    .where(eq(directories.tokenHash, tokenHash))
  if (!row) throw new Problem('unauthenticated')
  await enforceRateLimits(deps, { scim_organization: { account: row.organizationId } })
  const now = deps.now()
  if (now - (row.lastUsedAt?.getTime() ?? 0) > USE_STEP_MS)
    await deps.db
      .update(directories)
      .set({ lastUsedAt: new Date(now) })
      .where(sql`${eq(directories.organizationId, row.organizationId)} and ${eq(directories.tokenHash, tokenHash)}`)
  return row.organizationId
}
