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
import { findRefreshToken, replaceSuccessor, rotateRefreshToken } from './refresh-queries.ts'
import { deriveSuccessor, IDLE_MS, newSalt } from './refresh-token.ts'

/**
 * Exchanges a refresh token for new tokens (RFC 9700 §4.14.2). Each works once. As long as its successor is unused, the first response
 * may have been lost, and a repeat is answered: within `REFRESH_REPEAT_SECONDS` with the same successor, later with another one in its
 * place. The replaced successor counts as used, so that of two parties the second one is noticed at its next refresh, whoever was first.
 *
 * Any other repeat means that two parties have the token: the session ends, and the owner is notified by email. Only within
 * `REFRESH_GRACE_SECONDS` of its use, a token whose successor was used is refused without ending the session. A replaced successor always
 * ends it.
 *
 * @throws Problem `invalid_refresh_token`, the same for unknown, expired, repeated and revoked tokens
 */
export async function refresh(deps: ManagementDeps, token: string) {
  await enforceRateLimits(deps, { refresh_address: { address: networkAddress(deps) } })
  return (await issueSuccessor(deps, token)) ?? repeatOrEnd(deps, token)
}

type Tokens = Awaited<ReturnType<typeof tokensFor>>

/** @param former the hash of the successor that the new one replaces, if the token was used before */
async function issueSuccessor(deps: ManagementDeps, token: string, former?: string) {
  const now = deps.now()
  const salt = newSalt()
  const next = deriveSuccessor(deps.config, token, salt)
  const rotation = {
    tokenHash: sha256(token),
    successor: { id: uuidv7(now), hash: sha256(next), salt, expiresAt: new Date(now + IDLE_MS) },
    now: new Date(now),
  }
  const session =
    former === undefined
      ? await rotateRefreshToken(deps.db, rotation)
      : await replaceSuccessor(deps.db, { ...rotation, former })
  return session && tokensFor(deps, session, next)
}

async function repeatOrEnd(deps: ManagementDeps, token: string): Promise<Tokens> {
  const known = await findRefreshToken(deps.db, sha256(token))
  const now = deps.now()
  if (!known?.usedAt || !known.successorSalt || !isLive(known, now)) throw new Problem('invalid_refresh_token')
  const ageSeconds = (now - known.usedAt.getTime()) / 1_000
  const { successorHash } = known
  if (successorHash !== null && !known.successorUsedAt)
    return repeat(deps, token, { ...known, successorHash }, ageSeconds)
  if (isSuperseded(known) || ageSeconds > deps.config.REFRESH_GRACE_SECONDS) await endStolen(deps, known, now)
  throw new Problem('invalid_refresh_token')
}

async function repeat(
  deps: ManagementDeps,
  token: string,
  known: Known & { successorHash: string },
  ageSeconds: number,
) {
  if (known.expiresAt.getTime() <= deps.now()) throw new Problem('invalid_refresh_token')
  if (ageSeconds <= deps.config.REFRESH_REPEAT_SECONDS) return tokensFor(deps, known, deriveStored(deps, token, known))
  return (await issueSuccessor(deps, token, known.successorHash)) ?? repeatOrEnd(deps, token) // a concurrent request came first
}

/** Derives the stored successor again, with every root secret: it may have been rotated since. */
function deriveStored({ config }: ManagementDeps, token: string, { successorHash, successorSalt }: Known): string {
  const salt = successorSalt ?? new Uint8Array()
  const derived = listSecrets(config).map((SECRET_KEY) => deriveSuccessor({ SECRET_KEY }, token, salt))
  const stored = derived.find((one) => bytesToHex(sha256(one)) === successorHash)
  if (stored === undefined) throw new Problem('invalid_refresh_token')
  return stored
}

/** Whether another successor replaced it (`replaceSuccessor`). Its age is that of the replacement, not of a use. */
const isSuperseded = ({ successorSalt }: Known) => successorSalt?.length === 0

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
