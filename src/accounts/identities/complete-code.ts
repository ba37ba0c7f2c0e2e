import type { ManagementDeps } from '../../deps.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { completeByEmail } from '../email/sign-in.ts'
import { readEmailCode } from '../email/sign-in-code.ts'
import { connectionIdIn } from '../sso/connection.ts'
import { completeBySso } from '../sso/sign-in.ts'
import { type CodeProof, completeSignIn, takeIdentity } from './complete.ts'

/**
 * Signs in with a code from an email, an identity provider, or an organization's single sign-on. A code from an email is
 * recognized by its format, the others by their attempt's provider.
 *
 * @throws Problem `invalid_sign_in`, `rate_limited`; further ones as in each of them
 */
export async function completeCode(deps: ManagementDeps, proof: CodeProof) {
  const code = readEmailCode(proof.code)
  if (code !== undefined) return completeByEmail(deps, code, proof)
  await enforceRateLimits(deps, { sign_in_address: { address: networkAddress(deps) } })
  const taken = await takeIdentity(deps, proof)
  const connectionId = connectionIdIn(taken.provider)
  return connectionId === undefined ? completeSignIn(deps, taken) : completeBySso(deps, connectionId, taken)
}
