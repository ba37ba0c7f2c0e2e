import { audited } from '../../audit/record.ts'
import type { ManagementDeps } from '../../deps.ts'
import { base64url, randomBytes, sha256 } from '../../lib/bytes.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { Problem } from '../../problems.ts'
import { openSession } from '../sessions/open.ts'
import { verifySecondFactor } from './code.ts'
import { findChallenge, insertChallenge, useChallenge } from './queries.ts'

/** Long enough to find the phone. */
const CHALLENGE_SECONDS = 5 * 60

/** The answer to a correct first factor if a second factor is enabled. It works only with `completeLogin`, and once. */
export async function openChallenge(deps: ManagementDeps, userId: string, firstFactor: 'password' | 'identity') {
  const now = deps.now()
  const token = `ch_${base64url(randomBytes(32))}`
  await insertChallenge(deps.db, {
    id: uuidv7(now),
    userId,
    tokenHash: sha256(token),
    firstFactor,
    createdAt: new Date(now),
    expiresAt: new Date(now + CHALLENGE_SECONDS * 1000),
  })
  return { two_factor_required: true as const, challenge_token: token, expires_in: CHALLENGE_SECONDS }
}

/**
 * Completes a sign-in with the second factor.
 *
 * @throws Problem `invalid_challenge` for one that is unknown, used or expired, `invalid_code`, `two_factor_locked`
 */
export async function completeLogin(deps: ManagementDeps, token: string, code: string) {
  const hash = sha256(token)
  const now = new Date(deps.now())
  const challenge = await findChallenge(deps.db, hash, now)
  if (!challenge) throw new Problem('invalid_challenge')
  const { userId, firstFactor } = challenge
  const proof = await verifySecondFactor(deps, userId, code)
  if (!proof) {
    await audited(deps, {
      action: 'login.failed',
      actor: userId,
      result: 'failure',
      detail: { factor: 'second_factor' },
    })
    throw new Problem('invalid_code')
  }
  const spent = [useChallenge(deps.db, hash, now), ...proof.statements]
  const tokens = await openSession(deps, userId, { factors: [firstFactor, 'second_factor'], spent })
  proof.notify()
  return tokens
}
