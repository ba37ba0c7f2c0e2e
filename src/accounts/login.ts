import type * as z from 'zod'
import { audited } from '../audit/record.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import { isSameNetwork } from '../lib/cidr.ts'
import { addressOf, forgive, spend } from '../limits/policies.ts'
import { Problem } from '../problems.ts'
import { openChallenge } from './challenge.ts'
import { masked } from './masked.ts'
import { findUserByEmail } from './queries.ts'
import { renewHash } from './renew-hash.ts'
import type { Login } from './schemas.ts'
import { openSession } from './session.ts'
import { findTotp } from './two-factor-queries.ts'
import { verifyPassword } from './verify-password.ts'

/**
 * Signs in with e-mail address and password. An unknown address, a wrong password and a disabled account get the same
 * answer after the same work. With a second factor switched on the answer is a challenge, and no token of any kind.
 *
 * Two limits hold wherever a guess comes from, since an attacker may have many addresses. They are not asked where the
 * user signed in from before, so that nobody can lock owners out of their own network (ASVS 6.1.1).
 *
 * @throws Problem `rate_limited` before anything is hashed, `invalid_credentials`, `email_not_verified` after the right password
 */
export async function login(deps: ManagementDeps, request: z.output<typeof Login>) {
  const address = addressOf(deps)
  const account = request.email
  await spend(deps, { login_address: { address }, login_account_address: { address, account } })
  const user = await findUserByEmail(deps.db, request.email)
  const isKnown = user?.knownAddresses.some((known) => isSameNetwork(known, address)) ?? false
  if (!isKnown) await spend(deps, { login_account: { account }, login_anywhere: {} })

  const matches = await verifyPassword(request.password, user?.passwordHash)
  if (!user?.isActive || !matches) throw await refusal(deps, account, user !== undefined)
  await renewHash(deps, user, request.password)
  deps.defer(forgive(deps, { login_account_address: { address, account } }))
  refuseUnverified(deps, user.emailVerifiedAt)
  const known = await findTotp(deps.db, user.id)
  return known?.enabledAt ? openChallenge(deps, user.id) : openSession(deps, user.id, ['password'])
}

/** Asked once the password was right: whether an address waits for its confirmation is nobody else's business. */
function refuseUnverified({ config }: ManagementDeps, verifiedAt: Date | null): void {
  if (config.EMAIL_VERIFICATION === 'required' && !verifiedAt) throw new Problem('email_not_verified')
}

/** The row belongs to no organization: whether an address has an account is for administrators alone. */
async function refusal(deps: ManagementDeps, email: string, isKnown: boolean): Promise<Problem> {
  const detail = { email: masked(email), email_known: isKnown }
  await audited(deps, { act: 'login.failed', actor: undefined, result: 'failure', detail })
  return new Problem('invalid_credentials')
}
