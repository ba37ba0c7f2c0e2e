import { bytesToHex } from '@noble/hashes/utils.js'
import { audited } from '../../audit/record.ts'
import type { ManagementDeps } from '../../deps.ts'
import { sha256 } from '../../lib/bytes.ts'
import { log } from '../../lib/log.ts'
import { listSecrets } from '../../lib/seal.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { endSession } from '../queries.ts'
import { noticeTo } from '../two-factor/code.ts'
import { tokensFor } from './open.ts'
import { findRefreshToken, rotateRefreshToken } from './refresh-queries.ts'
import { deriveSuccessor, IDLE_MS, newSalt } from './refresh-token.ts'

/**
 * Exchanges a refresh token for new tokens (RFC 9700 §4.14.2). Each works once. Within `REFRESH_REPEAT_SECONDS`, a repeat gets
 * the same successor as long as that is unused: the first response may have been lost. Any other repeat means that two parties may
 * have the token: the session ends, and the owner is notified by email. Only within `REFRESH_GRACE_SECONDS`, such a repeat is
 * refused without ending the session.
 *
 * @throws Problem `invalid_refresh_token`, the same for unknown, expired, repeated and revoked tokens
 */
export async function refresh(deps: ManagementDeps, token: string) {
  await enforceRateLimits(deps, { refresh_address: { address: networkAddress(deps) } })
  const now = deps.now()
  const salt = newSalt()
  const next = deriveSuccessor(deps.config, token, salt)
  const session = await rotateRefreshToken(deps.db, {
    tokenHash: sha256(token),
    successor: { id: uuidv7(now), hash: sha256(next), salt, expiresAt: new Date(now + IDLE_MS) },
    now: new Date(now),
  })
  return session ? tokensFor(deps, session, next) : repeatOrEnd(deps, token)
}

async function repeatOrEnd(deps: ManagementDeps, token: string) {
  const known = await findRefreshToken(deps.db, sha256(token))
  const now = deps.now()
  if (!known?.usedAt || !known.successorSalt || !isLive(known, now)) throw new Problem('invalid_refresh_token')
  const { REFRESH_REPEAT_SECONDS, REFRESH_GRACE_SECONDS } = deps.config
  const ageSeconds = (now - known.usedAt.getTime()) / 1_000
  if (!known.successorUsedAt && ageSeconds <= REFRESH_REPEAT_SECONDS)
    return tokensFor(deps, known, deriveStored(deps, token, known))
  if (ageSeconds > REFRESH_GRACE_SECONDS) await endStolen(deps, known, now)
  throw new Problem('invalid_refresh_token')
}

/** Derives the stored successor again, with every root secret: it may have been rotated since. */
function deriveStored({ config }: ManagementDeps, token: string, { successorHash, successorSalt }: Known): string {
  const salt = successorSalt ?? new Uint8Array()
  const derived = listSecrets(config).map((SECRET_KEY) => deriveSuccessor({ SECRET_KEY }, token, salt))
  const stored = derived.find((one) => bytesToHex(sha256(one)) === successorHash)
  if (stored === undefined) throw new Problem('invalid_refresh_token')
  return stored
}

type Known = NonNullable<Awaited<ReturnType<typeof findRefreshToken>>>

const isLive = ({ isActive, endedAt, sessionExpiresAt }: Known, now: number) =>
  isActive && !endedAt && sessionExpiresAt.getTime() > now

async function endStolen(deps: ManagementDeps, known: Known, now: number): Promise<void> {
  const reason = 'refresh_token_reused'
  const mail = await noticeTo(deps, known.userId, 'session_stolen')
  const row = audited(deps, {
    action: 'session.ended',
    actor: undefined, // the owner or a thief; they cannot be told apart
    organizationId: known.organizationId,
    target: { type: 'session', id: known.sessionId },
    result: 'failure',
    detail: { reason, user_id: known.userId },
  })
  const isEnded = await endSession(deps.db, known, { reason, now: new Date(now), also: [row, mail.insert] })
  if (!isEnded) return // a concurrent repeat has already sent the notice
  log('warn', 'refresh_token_reused', { session_id: known.sessionId, user_id: known.userId })
  mail.send()
}
