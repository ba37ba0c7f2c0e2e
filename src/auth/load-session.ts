import type { ManagementDeps } from '../deps.ts'
import { verifyAccessToken } from './access-token.ts'
import type { UserPrincipal } from './principal.ts'
import { selectSession } from './queries.ts'
import { permissionsOfRole } from './roles.ts'

/**
 * Loads the user of an access token as of now. User, session and memberships are read in one query each time, so that a
 * logout, a ban or a change of role applies from the next request on.
 *
 * @returns `undefined` when the token, the session or the user is no longer valid
 */
export async function loadSession(deps: ManagementDeps, token: string): Promise<UserPrincipal | undefined> {
  const now = deps.now()
  const claims = await verifyAccessToken(deps.config, token, now)
  if (!claims) return undefined
  const row = await selectSession(deps.db, claims.sid, claims.sub, new Date(now))
  if (!row || row.impersonatorId !== (claims.act?.sub ?? null)) return undefined
  return {
    kind: 'user',
    userId: claims.sub,
    sessionId: claims.sid,
    tokenExpiresAt: claims.exp * 1_000,
    organizationId: row.organizationId,
    memberships: row.memberships.map((one) => ({ ...one, permissions: permissionsOfRole(one.role, one.permissions) })),
    isAdministrator: row.isAdministrator && row.impersonatorId === null,
    provedAt: (row.reauthenticatedAt ?? row.createdAt).getTime(),
    isConfirmed: row.emailVerifiedAt !== null,
    hasTwoFactor: row.hasTwoFactor,
    ssoConnectionId: row.ssoConnectionId,
    impersonatorId: row.impersonatorId,
  }
}
