import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { UserPrincipal } from '../../auth/principal.ts'
import type { ManagementDeps } from '../../deps.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { notice } from '../../mail/notice.ts'
import { Problem } from '../../problems.ts'
import { deleteEmailTokens } from '../email/queries.ts'
import { selectProfile, updatePassword } from '../queries.ts'
import type { PasswordChange } from '../schemas.ts'
import { hashPassword } from './hash.ts'
import { requireStrongPassword } from './policy.ts'
import { verifyPassword } from './verify.ts'

/**
 * Changes a password, given the current one, ends the user's other sessions, and invalidates all links that were sent to them.
 * Notifies the user by email.
 *
 * @throws Problem `rate_limited` before anything is hashed, `wrong_password`, `invalid_request` for a weak new password
 */
export async function changePassword(
  deps: ManagementDeps,
  user: UserPrincipal,
  request: z.output<typeof PasswordChange>,
): Promise<void> {
  await enforceRateLimits(deps, { password_change: { account: user.userId } })
  const profile = await selectProfile(deps.db, user.userId, user.organizationId)
  if (!profile || !(await verifyPassword(request.current_password, profile.passwordHash)))
    throw new Problem('wrong_password')
  await requireStrongPassword(deps, request.new_password, profile.email, 'new_password')
  const mail = notice(deps, profile, 'password_changed')
  const row = audited(deps, {
    action: 'password.changed',
    actor: user,
    organizationId: user.organizationId,
    target: { type: 'user', id: user.userId },
  })
  const answer = await keepAnswer(deps, 204, null)
  const also = [deleteEmailTokens(deps.db, user.userId), mail.insert, ...answer]
  const hashes = { from: profile.passwordHash, to: await hashPassword(request.new_password) }
  await updatePassword(deps.db, user, hashes, { now: new Date(deps.now()), row, also })
  mail.send()
}
