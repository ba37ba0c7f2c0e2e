import { type SQL, sql } from 'drizzle-orm'
import { audited } from '../../audit/record.ts'
import { ACCESS_TOKEN_SECONDS, signAccessToken } from '../../auth/access-token.ts'
import { requireThat, type Statement } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { sha256 } from '../../lib/bytes.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { insertSession, selectHomeOrganization } from '../queries.ts'
import { hasNoFactor } from '../two-factor/queries.ts'
import type { LiveSession } from './refresh-queries.ts'
import { ABSOLUTE_MS, IDLE_MS, newRefreshToken } from './refresh-token.ts'

/** The factors that can precede a second factor. */
export type FirstFactor = 'password' | 'identity' | 'email'

export interface SignOn {
  readonly connectionId: string
  readonly organizationId: string
}

/** How long a session by single sign-on lasts: the longest that a user stays in after their provider stops admitting them. */
const SSO_MS = 12 * 3_600_000

/** How the user authenticated. */
export interface SessionProof {
  readonly factors: readonly (FirstFactor | 'second_factor' | 'passkey')[]
  /** The hash that their password matched, if the password was the only factor. */
  readonly passwordHash?: string | null
  /** What must still hold, if no password was required. */
  readonly holds?: SQL
  /** Additional details for the audit row. */
  readonly detail?: Readonly<Record<string, unknown>>
  /** The organization the session acts for at first, if it is already known. */
  readonly organizationId?: string | null
  /** The organization's single sign-on that they used. The session acts for that organization at first. */
  readonly sso?: SignOn | undefined
  /** Statements that use up single-use secrets, in the batch that opens the session. */
  readonly spent?: readonly Statement[]
}

/**
 * Opens a session for an authenticated user, and issues its first tokens.
 *
 * During the hashing, the password may change, the account may be disabled, or a second factor may be enabled. So the
 * user's row is locked and all of that is checked again: no session outlives what should have ended it.
 *
 * @throws Problem `invalid_credentials` if the authentication no longer holds
 */
export async function openSession(deps: ManagementDeps, userId: string, proof: SessionProof) {
  const now = deps.now()
  const refreshToken = newRefreshToken()
  const sessionId = uuidv7(now)
  const { factors, passwordHash, sso } = proof
  const organizationId = await chooseOrganization(deps, userId, proof)
  const ends = now + (sso ? SSO_MS : ABSOLUTE_MS)
  const row = audited(deps, {
    action: 'login.succeeded',
    actor: userId,
    organizationId,
    target: { type: 'session', id: sessionId },
    detail: { factors, ...proof.detail },
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
      expiresAt: new Date(ends),
      ssoConnectionId: sso?.connectionId ?? null,
    },
    token: {
      id: uuidv7(now),
      sessionId,
      tokenHash: sha256(refreshToken),
      createdAt: new Date(now),
      expiresAt: new Date(Math.min(ends, now + IDLE_MS)),
    },
  }
  const holds = requireThat(deps.db, proof.holds ?? stillHolds(userId, passwordHash), 'invalid_credentials')
  await insertSession(deps.db, opened, [...(proof.spent ?? []), holds, row])
  return tokensFor(deps, { sessionId, userId, organizationId }, refreshToken)
}

const chooseOrganization = (deps: ManagementDeps, userId: string, { sso, organizationId }: SessionProof) =>
  sso?.organizationId ?? organizationId ?? selectHomeOrganization(deps.db, userId)

function stillHolds(userId: string, passwordHash: string | null | undefined): SQL {
  const isActive = sql`exists (select 1 from users u where u.id = ${userId}::uuid and u.is_active)`
  if (passwordHash === undefined) return isActive
  return sql`exists (select 1 from users u where u.id = ${userId}::uuid and u.is_active and u.password_hash = ${passwordHash})
    and ${hasNoFactor(userId)}`
}

/** Issues an access token and serializes it with the refresh token. */
export async function tokensFor(deps: ManagementDeps, session: LiveSession, refreshToken: string) {
  const claims = { sub: session.userId, sid: session.sessionId, org: session.organizationId }
  return {
    access_token: await signAccessToken(deps.config, claims, deps.now()),
    refresh_token: refreshToken,
    token_type: 'bearer' as const,
    expires_in: ACCESS_TOKEN_SECONDS,
  }
}
