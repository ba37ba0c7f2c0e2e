import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { UserPrincipal } from '../../auth/principal.ts'
import { runBatch } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { maskEmail } from '../../lib/mask-email.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { notice } from '../../mail/notice.ts'
import { confirmHeldAddress, confirmNewAddress } from '../../mail/templates/account.ts'
import { Problem } from '../../problems.ts'
import { requireLasting } from '../disposable.ts'
import { requirePassword } from '../passwords/reauthenticate.ts'
import { selectProfile } from '../queries.ts'
import { requireSecondFactor } from '../two-factor/factor.ts'
import { addressInUseMail, tokenMail } from './mail.ts'
import { replaceEmailToken } from './queries.ts'
import { findHolder } from './release-address.ts'
import type { EmailChange } from './schemas.ts'

/**
 * Sends a link to a new address, which replaces the old one once the link is used, and notifies the old address. If the
 * new address belongs to an account, the response and the work are the same: the owner of that account is notified
 * instead, and the token is stored although nobody receives it.
 *
 * @throws Problem `rate_limited`, `wrong_password`, `email_disposable`; `invalid_code` and `two_factor_locked` if a second factor is
 *   enabled
 */
export async function requestEmailChange(
  deps: ManagementDeps,
  user: UserPrincipal,
  request: z.output<typeof EmailChange>,
): Promise<void> {
  await enforceRateLimits(deps, {
    email_change_address: { address: networkAddress(deps) },
    email_change_account: { account: user.userId },
  })
  await requirePassword(deps, user, request.password)
  const proof = user.hasTwoFactor ? await requireSecondFactor(deps, user.userId, request) : undefined
  const profile = await selectProfile(deps.db, user.userId, user.organizationId)
  if (!profile) throw new Problem('unauthenticated')
  if (profile.email === request.new_email) throw sameAddress()
  await requireLasting(deps, request.new_email)

  const holder = await findHolder(deps.db, request.new_email)
  const template = holder ? confirmHeldAddress : confirmNewAddress
  const link = tokenMail(deps, { userId: user.userId, email: request.new_email }, 'change', template)
  const isTaken = holder !== undefined && !holder.isReleasable
  const toNew = isTaken ? addressInUseMail(deps, request.new_email) : link
  const toOld = notice(deps, profile, 'email_change_requested')
  await runBatch(deps.db, {
    token: replaceEmailToken(deps.db, link.token),
    factor: proof?.statements,
    mails: [toNew.insert, toOld.insert],
    audit: audited(deps, {
      action: 'email.change_requested',
      actor: user,
      organizationId: user.organizationId,
      target: { type: 'user', id: user.userId },
      detail: { to: maskEmail(request.new_email) },
    }),
    answer: await keepAnswer(deps, 202, null),
  })
  proof?.notify()
  toNew.send()
  toOld.send()
}

function sameAddress(): Problem {
  return new Problem('invalid_request', { errors: [{ path: 'body.new_email', message: 'is your address already' }] })
}
