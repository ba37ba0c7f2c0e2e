import { audited } from '../audit/record.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import { sha256 } from '../lib/bytes.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { ACCESS_TOKEN_SECONDS, signAccessToken } from './access-token.ts'
import { insertSession, selectHomeOrganization } from './queries.ts'
import type { LiveSession } from './refresh-queries.ts'
import { ABSOLUTE_MS, IDLE_MS, newRefreshToken } from './refresh-token.ts'

/**
 * Opens a session for a user who has proved who they are, and gives its first tokens.
 *
 * @param factors what they proved it with, for the audit log
 */
export async function openSession(
  deps: ManagementDeps,
  userId: string,
  factors: readonly ('password' | 'second_factor')[],
) {
  const now = deps.now()
  const refreshToken = newRefreshToken()
  const sessionId = uuidv7(now)
  const organizationId = await selectHomeOrganization(deps.db, userId)
  const row = audited(deps, {
    act: 'login.succeeded',
    actor: userId,
    organizationId,
    target: { type: 'session', id: sessionId },
    detail: { factors },
  })
  const opened = {
    session: {
      id: sessionId,
      userId,
      organizationId,
      ip: deps.origin.ip ?? null,
      userAgent: deps.origin.userAgent ?? null,
      createdAt: new Date(now),
      lastUsedAt: new Date(now),
      expiresAt: new Date(now + ABSOLUTE_MS),
    },
    token: {
      id: uuidv7(now),
      sessionId,
      tokenHash: sha256(refreshToken),
      createdAt: new Date(now),
      expiresAt: new Date(now + IDLE_MS),
    },
  }
  await insertSession(deps.db, opened, row)
  return tokensFor(deps, { sessionId, userId, organizationId }, refreshToken)
}

/** The wire form of a session's current tokens. */
export async function tokensFor(deps: ManagementDeps, session: LiveSession, refreshToken: string) {
  const claims = { sub: session.userId, sid: session.sessionId, org: session.organizationId }
  return {
    access_token: await signAccessToken(deps.config, claims, deps.now()),
    refresh_token: refreshToken,
    token_type: 'bearer' as const,
    expires_in: ACCESS_TOKEN_SECONDS,
  }
}
