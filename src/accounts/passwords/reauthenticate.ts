import type { UserPrincipal } from '../../auth/principal.ts'
import { runBatch } from '../../db/batch.ts'
import { lockUser } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { selectProfile } from '../queries.ts'
import { requireSecondFactor } from '../two-factor/code.ts'
import { verifyPassword } from './verify.ts'

/** How long a sign-in counts as proof that its owner is there. */
const FRESH_MS = 15 * 60_000

/**
 * Asks, before a factor changes, for more than a token that may have been left lying about (ASVS 7.5.1): a sign-in within
 * the last 15 minutes, or the password again.
 *
 * @throws Problem `reauthentication_required`, `wrong_password`
 */
export async function requireOwner(
  deps: ManagementDeps,
  user: UserPrincipal,
  password: string | undefined,
): Promise<void> {
  if (password !== undefined) await requirePassword(deps, user, password)
  else if (deps.now() - user.signedInAt > FRESH_MS) throw new Problem('reauthentication_required')
}

/** What an administrator proves with that they are there: either will do. */
interface StepUp {
  readonly password?: string | undefined
  readonly code?: string | undefined
}

/**
 * The same for what an administrator does to somebody else's account: a code of their second factor will do as well.
 *
 * @throws Problem `reauthentication_required`, `wrong_password`, `invalid_code`, `two_factor_locked`, `two_factor_not_enabled`
 */
export async function requireStepUp(
  deps: ManagementDeps,
  user: UserPrincipal,
  { password, code }: StepUp,
): Promise<void> {
  if (code === undefined) return requireOwner(deps, user, password)
  const proof = await requireSecondFactor(deps, user.userId, code)
  await runBatch(deps.db, { lock: lockUser(deps.db, user.userId), code: proof.statements })
  proof.tell()
}

/** @throws Problem `wrong_password`, `rate_limited` before anything is hashed */
export async function requirePassword(deps: ManagementDeps, user: UserPrincipal, password: string): Promise<void> {
  await enforceRateLimits(deps, { password_change: { account: user.userId } })
  const profile = await selectProfile(deps.db, user.userId, user.organizationId)
  if (!profile || !(await verifyPassword(password, profile.passwordHash))) throw new Problem('wrong_password')
}
