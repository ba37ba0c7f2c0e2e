import { audited } from '../../audit/record.ts'
import { runBatch } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { enforceForAccount } from '../known-network.ts'
import { deferWork } from './defer-work.ts'
import { tokenMail } from './mail.ts'
import { findRecipient, replaceEmailToken } from './queries.ts'

/**
 * Sends another verification email, if the address has an unconfirmed account. The lookup runs after the response, so
 * that neither the response nor its timing reveals whether the account exists.
 *
 * @throws Problem `rate_limited`, counted by the entered address
 */
export async function resendVerification(deps: ManagementDeps, email: string): Promise<void> {
  const address = networkAddress(deps)
  await enforceRateLimits(deps, {
    email_resend_address: { address },
    email_resend_account_address: { address, account: email },
  })
  await enforceForAccount(deps, 'email_resend_account', email)
  deferWork(deps, async function sendVerification() {
    const user = await findRecipient(deps.db, email)
    if (!user?.isActive || user.emailVerifiedAt) return
    const mail = tokenMail(deps, { userId: user.id, email: user.email }, 'verify')
    await runBatch(deps.db, { token: replaceEmailToken(deps.db, mail.token), mail: mail.insert })
    mail.send()
  })
}

/**
 * Sends a link that sets a new password, if the address has an account; after the response, as above. A newer link
 * replaces an older one. Once anybody has exhausted an account's limit, the last link still works until it
 * expires, and networks from which the owner signed in before can request another.
 *
 * @throws Problem `rate_limited`, counted by the entered address
 */
export async function requestPasswordReset(deps: ManagementDeps, email: string): Promise<void> {
  const address = networkAddress(deps)
  await enforceRateLimits(deps, {
    password_reset_address: { address },
    password_reset_account_address: { address, account: email },
  })
  await enforceForAccount(deps, 'password_reset_account', email)
  deferWork(deps, async function sendReset() {
    const user = await findRecipient(deps.db, email)
    if (!user?.isActive) return
    const mail = tokenMail(deps, { userId: user.id, email: user.email }, 'reset')
    await runBatch(deps.db, {
      token: replaceEmailToken(deps.db, mail.token),
      mail: mail.insert,
      audit: audited(deps, {
        action: 'password.reset_requested',
        actor: undefined, // anybody may ask; the requester is unknown
        target: { type: 'user', id: user.id },
      }),
    })
    mail.send()
  })
}
