import { audited } from '../audit/record.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import { sha256 } from '../lib/bytes.ts'
import { log } from '../lib/log.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { addressOf, spend } from '../limits/policies.ts'
import { Problem } from '../problems.ts'
import { endSession } from './queries.ts'
import { findRefreshToken, rotateRefreshToken } from './refresh-queries.ts'
import { GRACE_MS, IDLE_MS, newSalt, successorOf } from './refresh-token.ts'
import { tokensFor } from './session.ts'

/**
 * Exchanges a refresh token for new tokens (RFC 9700 §4.14.2). Each is good once. A repeat within 10 s gets the same
 * successor, as long as that was not used itself: the first answer may have been lost. Any later repeat means that two
 * parties hold the token, and ends the session.
 *
 * @throws Problem `invalid_refresh_token`, the same for unknown, expired, repeated and revoked
 */
export async function refresh(deps: ManagementDeps, token: string) {
  await spend(deps, { refresh_address: { address: addressOf(deps) } })
  const now = deps.now()
  const salt = newSalt()
  const next = successorOf(deps.config, token, salt)
  const session = await rotateRefreshToken(deps.db, {
    tokenHash: sha256(token),
    successor: { id: uuidv7(now), hash: sha256(next), salt, expiresAt: new Date(now + IDLE_MS) },
    now: new Date(now),
  })
  return session ? tokensFor(deps, session, next) : repeatOrEnd(deps, token)
}

async function repeatOrEnd(deps: ManagementDeps, token: string) {
  const now = deps.now()
  const known = await findRefreshToken(deps.db, sha256(token))
  const isLive = known?.isActive && !known.endedAt && known.sessionExpiresAt.getTime() > now
  if (!known?.usedAt || !known.successorSalt || !isLive) throw new Problem('invalid_refresh_token')
  if (now - known.usedAt.getTime() <= GRACE_MS && !known.successorUsedAt) {
    return tokensFor(deps, known, successorOf(deps.config, token, known.successorSalt))
  }
  await endSession(deps.db, known, 'refresh_token_reused', new Date(now))
  await audited(deps, {
    act: 'session.ended',
    actor: undefined, // the owner or a thief: nobody can tell
    organizationId: known.organizationId,
    target: { type: 'session', id: known.sessionId },
    result: 'failure',
    detail: { reason: 'refresh_token_reused', user_id: known.userId },
  })
  log('warn', 'refresh_token_reused', { session_id: known.sessionId, user_id: known.userId })
  throw new Problem('invalid_refresh_token')
}
