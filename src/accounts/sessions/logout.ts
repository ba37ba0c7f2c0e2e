import { audited } from '../../audit/record.ts'
import { loadSession } from '../../auth/load-session.ts'
import type { ManagementDeps } from '../../deps.ts'
import { sha256 } from '../../lib/bytes.ts'
import { Problem } from '../../problems.ts'
import { endSession } from '../queries.ts'
import { findRefreshToken, type LiveSession } from './refresh-queries.ts'

/**
 * Ends the session of an access token, of a refresh token, or of both. Idempotent.
 *
 * @throws Problem `unauthenticated` if neither names a session
 */
export async function logout(
  deps: ManagementDeps,
  accessToken: string | undefined,
  refreshToken: string | undefined,
): Promise<void> {
  if (!accessToken && !refreshToken) throw new Problem('unauthenticated')
  const now = new Date(deps.now())
  const session = accessToken ? await loadSession(deps, accessToken) : undefined
  if (session) await endAudited(deps, session, now)
  const known = refreshToken ? await findRefreshToken(deps.db, sha256(refreshToken)) : undefined
  if (known) await endAudited(deps, known, now)
  if (!session && !refreshToken) throw new Problem('unauthenticated')
}

async function endAudited(deps: ManagementDeps, session: LiveSession, now: Date): Promise<void> {
  const row = audited(deps, {
    action: 'session.ended',
    actor: session.userId,
    organizationId: session.organizationId,
    target: { type: 'session', id: session.sessionId },
    detail: { reason: 'logout' },
  })
  await endSession(deps.db, session, { reason: 'logout', now, also: [row] })
}
