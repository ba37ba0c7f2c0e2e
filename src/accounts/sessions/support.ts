import { signAccessToken } from '../../auth/access-token.ts'
import { sessions } from '../../db/schema/accounts.ts'
import type { ManagementDeps } from '../../deps.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { selectHomeOrganization } from '../queries.ts'

/** The longest support session. */
export const SUPPORT_SECONDS = 15 * 60

/**
 * Opens a session in which an administrator acts as a user. It has no refresh token, so it ends with its one access
 * token.
 *
 * @returns the session's insert, for the batch, and the token that is valid after it
 */
export async function openSupportSession(deps: ManagementDeps, userId: string, impersonatorId: string) {
  const now = deps.now()
  const id = uuidv7(now)
  const organizationId = await selectHomeOrganization(deps.db, userId)
  const claims = { sub: userId, sid: id, org: organizationId, act: { sub: impersonatorId } }
  return {
    id,
    organizationId,
    accessToken: await signAccessToken(deps.config, claims, now, SUPPORT_SECONDS),
    insert: deps.db.insert(sessions).values({
      id,
      userId,
      organizationId,
      impersonatorId,
      ip: null, // the address would be the administrator's, and the user can read this list
      userAgent: 'Support',
      createdAt: new Date(now),
      lastUsedAt: new Date(now),
      expiresAt: new Date(now + SUPPORT_SECONDS * 1000),
    }),
  }
}
