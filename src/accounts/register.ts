import type * as z from 'zod'
import { audited } from '../audit/record.ts'
import { runBatch } from '../db/batch.ts'
import { brokenConstraint } from '../db/client.ts'
import type { ManagementDeps } from '../deps.ts'
import { maskEmail } from '../lib/mask-email.ts'
import { enforceRateLimits, networkAddress } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { requireLasting } from './disposable.ts'
import { addressInUseMail, tokenMail } from './email/mail.ts'
import { findRecipient, insertEmailToken } from './email/queries.ts'
import { enforceForAccount } from './known-network.ts'
import { type NewAccount, newAccount } from './new-account.ts'
import { hashPassword } from './passwords/hash.ts'
import { requireStrongPassword } from './passwords/policy.ts'
import { insertUser, type Profile } from './queries.ts'
import { requireMayRegister } from './registration.ts'
import type { Registration } from './schemas.ts'
import { requirePerson } from './turnstile.ts'
import { toUser } from './user.ts'

/**
 * Creates an account and an organization that it owns, and sends an email to confirm its address.
 *
 * If addresses must be confirmed, nothing reveals whether one has an account: a taken address gets the same response
 * after the same work, with meaningless ids, and its owner gets an email.
 *
 * @throws Problem `registration_closed`, `registration_domain_not_allowed`, `person_unproven`, `email_disposable`; `rate_limited`
 *   before anything is hashed, `invalid_request` for a weak password; `email_taken` if addresses need not be confirmed
 */
export async function register(deps: ManagementDeps, request: z.output<typeof Registration>) {
  const { email } = request
  requireMayRegister(deps.config, email)
  const isHidden = deps.config.EMAIL_VERIFICATION === 'required'
  await enforceRateLimits(deps, { register_address: { address: networkAddress(deps) } })
  if (isHidden) await enforceForAccount(deps, 'register_account', email)
  await requirePerson(deps, request.turnstile_token)
  await requireLasting(deps, email)
  await requireStrongPassword(deps, request.password, email, 'password')

  const account = newAccount({ ...request, passwordHash: await hashPassword(request.password) }, deps.now())
  const owner = isHidden ? await findRecipient(deps.db, email) : undefined
  if (owner || !(await insertAccount(deps, account))) {
    if (!isHidden) throw new Problem('email_taken')
    await notifyOwner(deps, email)
  }
  return toUser(deps.config, firstProfile(account))
}

/** @returns false if the address already has an account */
async function insertAccount(deps: ManagementDeps, account: NewAccount): Promise<boolean> {
  const { id, email } = account.user
  const mail = tokenMail(deps, { userId: id, email }, 'verify')
  try {
    await insertUser(deps.db, account, [
      insertEmailToken(deps.db, mail.token),
      mail.insert,
      audited(deps, {
        action: 'account.registered',
        actor: id,
        organizationId: account.organization.id,
        target: { type: 'user', id },
      }),
    ])
  } catch (error) {
    if (brokenConstraint(error) === 'users_email_unique') return false
    throw error
  }
  mail.send()
  return true
}

async function notifyOwner(deps: ManagementDeps, email: string): Promise<void> {
  const mail = addressInUseMail(deps, email)
  const attempt = { action: 'account.registered', actor: undefined, result: 'failure' } as const
  await runBatch(deps.db, {
    mail: mail.insert,
    audit: audited(deps, { ...attempt, detail: { reason: 'email_taken', email: maskEmail(email) } }),
  })
  mail.send()
}

/** Built in memory instead of read back: the read would make a new address measurably slower than a taken one. */
function firstProfile({ user, organization }: NewAccount): Profile {
  return {
    ...user,
    isActive: true,
    organizationId: organization.id,
    role: 'owner',
    rolePermissions: null,
    planId: organization.planId,
    twoFactorEnabledAt: null,
    isAdministrator: false,
  }
}
