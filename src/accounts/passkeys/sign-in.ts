import type { UserPrincipal } from '../../auth/principal.ts'
import { runBatch } from '../../db/batch.ts'
import { lockUser } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { refuse } from '../admit.ts'
import { isAdmitted } from '../registration.ts'
import { openSession } from '../sessions/open.ts'
import { beginAssertion, verifyAssertion } from './assertion.ts'
import type { Assertion } from './assertion-schema.ts'
import { updateReauthenticated } from './queries.ts'

/** Creates a browser's options to sign in with a passkey. @throws Problem `rate_limited` */
export async function beginPasskeySignIn(deps: ManagementDeps) {
  await enforceRateLimits(deps, { sign_in_address: { address: networkAddress(deps) } })
  return beginAssertion(deps, { purpose: 'sign_in', userId: null })
}

/**
 * Signs in with only a passkey. It is two factors in one, a device and what unlocks it, so no other factor is required
 * (NIST SP 800-63B-4, section 3.1.7).
 *
 * @throws Problem `invalid_passkey`; `invalid_credentials` for an account that may not sign in; `rate_limited`
 */
export async function signInWithPasskey(deps: ManagementDeps, assertion: Assertion) {
  await enforceRateLimits(deps, { sign_in_address: { address: networkAddress(deps) } })
  const asserted = await verifyAssertion(deps, assertion, { purpose: 'sign_in', userId: null })
  if (!asserted) throw new Problem('invalid_passkey')
  const { passkey, proof } = asserted
  if (!isAdmitted(deps.config, passkey)) throw await refuse(deps, passkey.userId, { factor: 'passkey' })
  return openSession(deps, passkey.userId, {
    factors: ['passkey'],
    organizationId: passkey.homeOrganizationId,
    spent: proof.statements,
  })
}

/** Creates a browser's options to prove with a passkey that a session's owner is present. */
export const beginProof = (deps: ManagementDeps, { userId }: UserPrincipal) =>
  beginAssertion(deps, { purpose: 'prove', userId })

/** Makes a session as fresh as a new sign-in, by its owner's passkey. @throws Problem `invalid_passkey` */
export async function reauthenticate(
  deps: ManagementDeps,
  { userId, sessionId }: UserPrincipal,
  assertion: Assertion,
): Promise<void> {
  const asserted = await verifyAssertion(deps, assertion, { purpose: 'prove', userId })
  if (!asserted) throw new Problem('invalid_passkey')
  await runBatch(deps.db, {
    lock: lockUser(deps.db, userId),
    passkey: asserted.proof.statements,
    session: updateReauthenticated(deps.db, sessionId, new Date(deps.now())),
  })
}
