import type * as z from 'zod'
import { audited } from '../audit/record.ts'
import type { Config } from '../config.ts'
import type { ManagementDeps } from '../deps.ts'
import { maskEmail } from '../lib/mask-email.ts'
import { sleep } from '../lib/sleep.ts'
import { enforceRateLimits, networkAddress, resetRateLimits } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { isAmong } from './known-network.ts'
import { REFUSAL_MS } from './passwords/hash-cost.ts'
import { renewHash } from './passwords/rehash.ts'
import { verifyPassword } from './passwords/verify.ts'
import { findUserByEmail } from './queries.ts'
import { isAdmitted } from './registration.ts'
import type { Login } from './schemas.ts'
import { openSession } from './sessions/open.ts'
import { openChallenge } from './two-factor/challenge.ts'

/**
 * Signs in with email address and password. An unknown address, a wrong password and a disabled account get the same
 * response after the same time. If a second factor is enabled, the response is a challenge and contains no other token.
 *
 * Two limits apply across all networks, because an attacker may have many addresses. They do not apply to networks from
 * which the user signed in before, so that nobody can lock owners out of their own network (ASVS 6.1.1). The limit that
 * all accounts share counts only failures, so it never refuses a correct password.
 *
 * @throws Problem `rate_limited` before anything is hashed, `busy` if too many passwords wait in this isolate,
 *   `invalid_credentials`, also for an address that must be confirmed first
 */
export async function login(deps: ManagementDeps, request: z.output<typeof Login>) {
  const address = networkAddress(deps)
  const account = request.email
  await enforceRateLimits(deps, { login_address: { address }, login_account_address: { address, account } })
  const user = await findUserByEmail(deps.db, request.email)
  const isKnown = isAmong(user?.knownAddresses ?? [], address)
  if (!isKnown) await enforceRateLimits(deps, { login_account: { account } })

  const hashing = Date.now()
  const matches = await verifyPassword(request.password, user?.passwordHash)
  if (!matches || !maySignIn(deps.config, user)) {
    try {
      if (!isKnown) await enforceRateLimits(deps, { login_anywhere: {} })
      throw await refusal(deps, account, user !== undefined)
    } finally {
      await waitUntil(hashing + REFUSAL_MS) // whatever the refusal: the time of a hash shows who was imported
    }
  }
  const passwordHash = await renewHash(deps, user, request.password)
  deps.defer(resetRateLimits(deps, { login_account_address: { address, account } }))
  return user.hasTwoFactor
    ? openChallenge(deps, user.id, { firstFactor: 'password' })
    : openSession(deps, user.id, { factors: ['password'], passwordHash, organizationId: user.homeOrganizationId })
}

/** @param time in milliseconds since 1970 */
const waitUntil = (time: number) => sleep(Math.max(0, time - Date.now()))

type Account = NonNullable<Awaited<ReturnType<typeof findUserByEmail>>>

const maySignIn = (config: Config, user: Account | undefined): user is Account =>
  user !== undefined && isAdmitted(config, user)

/** The audit row has no organization: only administrators may see whether an address has an account. */
async function refusal(deps: ManagementDeps, email: string, isKnown: boolean): Promise<Problem> {
  const detail = { email: maskEmail(email), email_known: isKnown }
  await audited(deps, { action: 'login.failed', actor: undefined, result: 'failure', detail })
  return refusalProblem(deps.config)
}

/**
 * If addresses must be confirmed, an unconfirmed one gets the same message as a wrong password. Otherwise someone who
 * registers a stranger's address and signs in would learn whether it already had an account.
 */
function refusalProblem({ EMAIL_VERIFICATION }: Config): Problem {
  if (EMAIL_VERIFICATION !== 'required') return new Problem('invalid_credentials')
  return new Problem('invalid_credentials', {
    detail:
      'The email address or password is wrong, or the address is not confirmed yet. See the email that was sent to it.',
  })
}
