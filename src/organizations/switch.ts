import { audited, unlessRefused } from '../audit/record.ts'
import { ACCESS_TOKEN_SECONDS, signAccessToken } from '../auth/access-token.ts'
import type { UserPrincipal } from '../auth/principal.ts'
import { rolesWith } from '../auth/roles.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { isMember, lockMembership, switchSession } from './queries.ts'

/**
 * Makes the user's session act for another organization, now and after each refresh, and gives an access token that says
 * so. It ends with its session at the latest; in a support session it goes on naming the administrator.
 *
 * @throws Problem `organization_not_found`, `unauthenticated` when the session ended meanwhile
 */
export async function switchOrganization(deps: ManagementDeps, user: UserPrincipal, organizationId: string) {
  const { userId, sessionId, impersonatorId } = user
  const done = await unlessRefused(
    deps.db.batch([
      lockMembership(deps.db, organizationId, userId),
      audited(deps, {
        act: 'session.switched',
        actor: user,
        organizationId,
        target: { type: 'session', id: sessionId },
        detail: { from: user.organizationId },
        provided: isMember(organizationId, userId, rolesWith('organization:read')),
      }),
      switchSession(deps.db, sessionId, userId, organizationId),
    ]),
  )
  if (!done) throw new Problem('organization_not_found')
  const session = done[2][0]
  if (!session) throw new Problem('unauthenticated')
  const now = deps.now()
  const expires_in = Math.min(ACCESS_TOKEN_SECONDS, Math.floor((session.expiresAt.getTime() - now) / 1000))
  const claims = {
    sub: userId,
    sid: sessionId,
    org: organizationId,
    ...(impersonatorId && { act: { sub: impersonatorId } }),
  }
  const access_token = await signAccessToken(deps.config, claims, now, expires_in)
  return { access_token, token_type: 'bearer' as const, expires_in, organization_id: organizationId }
}
