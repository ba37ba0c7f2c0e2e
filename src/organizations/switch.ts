import { audited } from '../audit/record.ts'
import { signAccessToken } from '../auth/access-token.ts'
import type { UserPrincipal } from '../auth/principal.ts'
import { isMember } from '../auth/role-permissions.ts'
import { requireThat, runBatch } from '../db/batch.ts'
import { lockMembership } from '../db/locks.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { switchSession } from './queries.ts'

/**
 * Makes the user's session act for another organization, now and after each refresh, and issues an access token for it.
 * The token expires with the presented one and with its session at the latest: otherwise a session would outlive its inactivity
 * limit, which refresh tokens enforce. In a support session it still names the administrator.
 *
 * @throws Problem `organization_not_found`, `unauthenticated` if the session ended meanwhile
 */
export async function switchOrganization(deps: ManagementDeps, user: UserPrincipal, organizationId: string) {
  const { userId, sessionId, tokenExpiresAt, impersonatorId } = user
  const mayAct = isMember(organizationId, userId)
  const done = await runBatch(deps.db, {
    lock: lockMembership(deps.db, organizationId, userId),
    allowed: requireThat(deps.db, mayAct, 'organization_not_found'),
    audit: audited(deps, {
      action: 'session.switched',
      actor: user,
      organizationId,
      target: { type: 'session', id: sessionId },
      detail: { from: user.organizationId },
    }),
    session: switchSession(deps.db, sessionId, userId, organizationId),
  })
  const [session] = done.session
  if (!session) throw new Problem('unauthenticated')
  const now = deps.now()
  const endsAt = Math.min(tokenExpiresAt, session.expiresAt.getTime())
  const expires_in = Math.floor(endsAt / 1_000) - Math.floor(now / 1_000)
  const claims = {
    sub: userId,
    sid: sessionId,
    org: organizationId,
    ...(impersonatorId && { act: { sub: impersonatorId } }),
  }
  const access_token = await signAccessToken(deps.config, claims, now, expires_in)
  return { access_token, token_type: 'bearer' as const, expires_in, organization_id: organizationId }
}
