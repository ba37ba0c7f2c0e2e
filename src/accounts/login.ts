import type * as z from 'zod'
import type { ManagementDeps } from '../http/management-env.ts'
import { isSameNetwork } from '../lib/cidr.ts'
import { addressOf, forgive, spend } from '../limits/policies.ts'
import { Problem } from '../problems.ts'
import { openChallenge } from './challenge.ts'
import { passwordMatches } from './passwords.ts'
import { findUserByEmail } from './queries.ts'
import type { Login } from './schemas.ts'
import { openSession } from './session.ts'
import { findTotp } from './two-factor-queries.ts'

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

  const matches = passwordMatches(request.password, user?.passwordHash)
  if (!user?.isActive || !matches) throw new Problem('invalid_credentials')
  deps.defer(forgive(deps, { login_account_address: { address, account } }))
  const known = await findTotp(deps.db, user.id)
  return known?.enabledAt ? openChallenge(deps, user.id) : openSession(deps, user.id)
}
