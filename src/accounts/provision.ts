/** The account side of an organization's directory, which vouches for addresses of the organization's own domains. */
import { audited } from '../audit/record.ts'
import type { Statement } from '../db/batch.ts'
import { brokenConstraint } from '../db/client.ts'
import type { ManagementDeps } from '../deps.ts'
import { newAccount } from './new-account.ts'
import { findUserByEmail, insertUser } from './queries.ts'
import { requireDomain } from './registration.ts'

/** Finds the account of an address. */
export async function findProvisioned(deps: ManagementDeps, email: string) {
  const account = await findUserByEmail(deps.db, email)
  if (!account) return undefined
  const { id, emailVerifiedAt, isSelfRegistered } = account
  return { id, isConfirmed: emailVerifiedAt !== null, isSelfRegistered }
}

interface Person {
  readonly email: string
  readonly name: string | null
}

/** Builds the rows of an account without a password. @throws Problem `registration_domain_not_allowed` */
export function newProvisioned(deps: ManagementDeps, person: Person) {
  requireDomain(deps.config, person.email)
  return newAccount({ ...person, emailVerifiedAt: new Date(deps.now()), isSelfRegistered: false }, deps.now())
}

/**
 * Inserts such an account.
 *
 * @param also further statements of the batch, which may abort it
 * @returns false if they aborted it, or the address got an account meanwhile
 */
export async function insertProvisioned(
  deps: ManagementDeps,
  account: ReturnType<typeof newProvisioned>,
  also: readonly Statement[],
): Promise<boolean> {
  const registered = audited(deps, {
    action: 'account.registered',
    actor: undefined,
    organizationId: account.organization.id,
    target: { type: 'user', id: account.user.id },
    detail: { by: 'directory' },
  })
  try {
    return await insertUser(deps.db, account, [...also, registered])
  } catch (error) {
    if (brokenConstraint(error) === 'users_email_unique') return false
    throw error
  }
}
