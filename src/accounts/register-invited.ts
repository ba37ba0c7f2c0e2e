/** The account side of an invitation: finds the account of the invited address, or creates one. */

import { and, eq, sql } from 'drizzle-orm'
import { audited } from '../audit/record.ts'
import type { Statement } from '../db/batch.ts'
import { brokenConstraint } from '../db/client.ts'
import { users } from '../db/schema/users.ts'
import type { ManagementDeps } from '../deps.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { requireLasting } from './disposable.ts'
import { newAccount } from './new-account.ts'
import { hashPassword } from './passwords/hash.ts'
import { requireStrongPassword } from './passwords/policy.ts'
import { verifyPassword } from './passwords/verify.ts'
import { findUserByEmail, insertUser } from './queries.ts'
import { requireDomain } from './registration.ts'

type Invited = NonNullable<Awaited<ReturnType<typeof findInvited>>>

/** Finds the account of an invited address. */
export function findInvited(deps: ManagementDeps, email: string) {
  return findUserByEmail(deps.db, email)
}

/**
 * Checks the password of the account with an invited address. Together with the link, which only its mailbox received,
 * these are two proofs. It signs nobody in, so a second factor is not required.
 *
 * @throws Problem `wrong_password`, `rate_limited` before anything is hashed
 */
export async function requireInvited(deps: ManagementDeps, account: Invited, password: string): Promise<void> {
  await enforceRateLimits(deps, { password_change: { account: account.id } })
  const matches = await verifyPassword(password, account.passwordHash)
  if (!matches || !account.isActive) throw new Problem('wrong_password')
}

/** Marks an address as confirmed, because a link that was sent to it was opened; for a batch. */
export function confirmAddress(deps: ManagementDeps, userId: string, email: string) {
  const now = new Date(deps.now()).toISOString()
  return deps.db
    .update(users)
    .set({ emailVerifiedAt: sql`coalesce(email_verified_at, ${now}::timestamptz)` })
    .where(and(eq(users.id, userId), eq(users.email, email)))
}

interface Person {
  readonly email: string
  readonly password: string
  readonly name: string | undefined
}

/**
 * Creates an account with a confirmed address, and a personal organization like any other.
 *
 * @param also further statements of the batch, which may abort it
 * @returns the user's id, or `undefined` if they aborted it, or the address got an account meanwhile
 * @throws Problem `registration_domain_not_allowed`, `email_disposable`, `invalid_request` for a weak password
 */
export async function registerInvited(
  deps: ManagementDeps,
  { password, ...person }: Person,
  also: (userId: string) => readonly Statement[],
): Promise<string | undefined> {
  requireDomain(deps.config, person.email)
  await requireLasting(deps, person.email)
  await requireStrongPassword(deps, password, person.email, 'password')
  const now = deps.now()
  const account = newAccount(
    { ...person, passwordHash: await hashPassword(password), emailVerifiedAt: new Date(now) },
    now,
  )
  const { id } = account.user
  const registered = audited(deps, {
    action: 'account.registered',
    actor: id,
    organizationId: account.organization.id,
    target: { type: 'user', id },
    detail: { by: 'invitation' },
  })
  try {
    return (await insertUser(deps.db, account, [registered, ...also(id)])) ? id : undefined
  } catch (error) {
    if (brokenConstraint(error) === 'users_email_unique') return undefined
    throw error
  }
}
