import { audited } from '../../audit/record.ts'
import type { Statement } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { base64url, randomBytes, sha256 } from '../../lib/bytes.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { beginAssertion } from '../passkeys/assertion.ts'
import { relyingPartyId } from '../passkeys/relying-party.ts'
import { type FirstFactor, openSession } from '../sessions/open.ts'
import { type SecondFactor, verifySecondFactor, wrongFactor } from './factor.ts'
import { findChallenge, insertChallenge, useChallenge } from './queries.ts'

/** Long enough to find the phone. */
const CHALLENGE_SECONDS = 5 * 60

interface First {
  readonly firstFactor: FirstFactor
  /** The single sign-on that proved it, if one did. */
  readonly ssoConnectionId?: string | null
  /** Statements that use up the code that proved it, in the same batch. */
  readonly spent?: readonly Statement[]
}

/** Opens a challenge after a correct first factor if a second one is enabled. It works only with `completeLogin`, once. */
export async function openChallenge(deps: ManagementDeps, userId: string, first: First) {
  const { firstFactor, ssoConnectionId = null, spent = [] } = first
  const now = deps.now()
  const token = `ch_${base64url(randomBytes(32))}`
  const challenge = {
    id: uuidv7(now),
    userId,
    tokenHash: sha256(token),
    firstFactor,
    ssoConnectionId,
    createdAt: new Date(now),
    expiresAt: new Date(now + CHALLENGE_SECONDS * 1000),
  }
  const { hasApp, hasPasskey } = await insertChallenge(deps.db, challenge, relyingPartyId(deps.config), spent)
  const methods = [
    ...(hasApp ? ['app' as const] : []),
    ...(hasPasskey ? ['passkey' as const] : []),
    'backup_code' as const,
  ]
  return { two_factor_required: true as const, challenge_token: token, expires_in: CHALLENGE_SECONDS, methods }
}

/**
 * Creates a browser's options to answer a challenge with a passkey instead of a code.
 *
 * @throws Problem `invalid_challenge`, `rate_limited`
 */
export async function beginPasskeyFactor(deps: ManagementDeps, token: string) {
  await enforceRateLimits(deps, { sign_in_address: { address: networkAddress(deps) } })
  const challenge = await findChallenge(deps.db, sha256(token), new Date(deps.now()))
  if (!challenge) throw new Problem('invalid_challenge')
  return beginAssertion(deps, { purpose: 'prove', userId: challenge.userId })
}

/**
 * Completes a sign-in with the second factor.
 *
 * @throws Problem `invalid_challenge` if it is unknown, used or expired, `invalid_code`, `invalid_passkey`,
 *   `two_factor_locked`
 */
export async function completeLogin(deps: ManagementDeps, token: string, factor: SecondFactor) {
  const hash = sha256(token)
  const now = new Date(deps.now())
  const challenge = await findChallenge(deps.db, hash, now)
  if (!challenge) throw new Problem('invalid_challenge')
  const { userId, firstFactor, sso } = challenge
  const proof = await verifySecondFactor(deps, userId, factor)
  if (!proof) {
    await audited(deps, {
      action: 'login.failed',
      actor: userId,
      result: 'failure',
      detail: { factor: 'second_factor' },
    })
    throw wrongFactor(factor)
  }
  const spent = [useChallenge(deps.db, hash, now), ...proof.statements]
  const tokens = await openSession(deps, userId, {
    factors: [firstFactor, proof.by === 'passkey' ? 'passkey' : 'second_factor'],
    spent,
    sso,
  })
  proof.notify()
  return tokens
}
