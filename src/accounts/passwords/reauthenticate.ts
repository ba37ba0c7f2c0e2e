import { requireFresh } from '../../auth/presence.ts'
import type { Principal, UserPrincipal } from '../../auth/principal.ts'
import { runBatch } from '../../db/batch.ts'
import { lockUser } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { selectProfile } from '../queries.ts'
import { requireSecondFactor, type SecondFactor } from '../two-factor/factor.ts'
import { verifyPassword } from './verify.ts'

/**
 * Before a factor changes, requires more than a token that may have been stolen (ASVS 7.5.1): a sign-in, or a passkey, within the
 * last 15 minutes, or the password again.
 *
 * @throws Problem `reauthentication_required`, `wrong_password`
 */
export async function requireOwner(
  deps: ManagementDeps,
  user: UserPrincipal,
  password: string | undefined,
): Promise<void> {
  if (password !== undefined) await requirePassword(deps, user, password)
  else requireFresh(user, deps.now())
}

/** How an administrator proves their presence. A password or a second factor is enough. */
interface StepUp extends SecondFactor {
  readonly password?: string | undefined
}

/**
 * The same before an administrator changes somebody else's account. The administrator's second factor is also enough.
 *
 * @throws Problem `reauthentication_required`, `wrong_password`, `invalid_code`, `invalid_passkey`, `two_factor_locked`,
 *   `two_factor_not_enabled`
 */
export async function requireStepUp(
  deps: ManagementDeps,
  user: UserPrincipal,
  { password, ...factor }: StepUp,
): Promise<void> {
  if (factor.code === undefined && factor.passkey === undefined) return requireOwner(deps, user, password)
  const proof = await requireSecondFactor(deps, user.userId, factor)
  await runBatch(deps.db, { lock: lockUser(deps.db, user.userId), code: proof.statements })
  proof.notify()
}

/**
 * Checks the proof of a request, if it has one. Whoever gives it counts as present, as after a sign-in, for what follows in the same
 * request (auth/presence.ts). Only people prove anything.
 *
 * @throws Problem `wrong_password`, `rate_limited`, `invalid_code`, `invalid_passkey`, `two_factor_locked`, `two_factor_not_enabled`
 */
export async function withProof<P extends Principal>(deps: ManagementDeps, principal: P, proof: StepUp): Promise<P> {
  const isGiven = proof.password !== undefined || proof.code !== undefined || proof.passkey !== undefined
  if (principal.kind !== 'user' || !isGiven) return principal
  await requireStepUp(deps, principal, proof)
  return { ...principal, provedAt: deps.now() }
}

/**
 * Before an irreversible action, requires the password, however fresh the sign-in is. A user without a password must
 * have signed in, or used a passkey, within the last 15 minutes.
 *
 * @throws Problem `wrong_password`, `rate_limited` before anything is hashed; `invalid_request` naming the missing field;
 *   `reauthentication_required`
 */
export async function requirePassword(
  deps: ManagementDeps,
  user: UserPrincipal,
  password: string | undefined,
): Promise<void> {
  if (password !== undefined) await enforceRateLimits(deps, { password_change: { account: user.userId } })
  const profile = await selectProfile(deps.db, user.userId, user.organizationId)
  if (password === undefined && profile) {
    if (profile.passwordHash === null) return requireFresh(user, deps.now())
    throw new Problem('invalid_request', {
      errors: [{ path: 'body.password', message: 'is needed: the account has a password' }],
    })
  }
  if (!profile || !(await verifyPassword(password ?? '', profile.passwordHash))) throw new Problem('wrong_password')
}
