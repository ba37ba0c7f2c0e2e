import { audited } from '../audit/record.ts'
import type { Statement } from '../db/batch.ts'
import type { ManagementDeps } from '../deps.ts'
import { enforceRateLimits, networkAddress } from '../limits/endpoint-limits.ts'
import { requireLasting } from './disposable.ts'
import { newAccount } from './new-account.ts'
import { insertUser } from './queries.ts'
import { requireDomain, requireMayRegister } from './registration.ts'

interface Owner {
  readonly email: string
  readonly name?: string | null
}

interface Means {
  /** What proved that they own the address; stored in the audit row. */
  readonly detail: { readonly by: 'identity' | 'email'; readonly provider?: string }
  /** Whether somebody who may invite vouches for them, so that closed registration does not matter (registration.ts). */
  readonly isInvited?: boolean | undefined
  /** Further statements of the batch. */
  readonly also?: (userId: string) => readonly Statement[]
}

/**
 * Creates an account without a password for somebody who has proved that they own an address.
 *
 * @throws Problem `registration_closed`, `registration_domain_not_allowed`, `email_disposable`, `rate_limited`; the database's
 *   error if another request was faster (`users_email_unique`)
 */
export async function registerConfirmed(deps: ManagementDeps, owner: Owner, means: Means): Promise<void> {
  const { detail, isInvited = false, also } = means
  if (isInvited) requireDomain(deps.config, owner.email)
  else requireMayRegister(deps.config, owner.email)
  await enforceRateLimits(deps, { register_address: { address: networkAddress(deps) } })
  await requireLasting(deps, owner.email)
  const now = deps.now()
  const account = newAccount({ ...owner, emailVerifiedAt: new Date(now) }, now)
  const { id } = account.user
  const registered = audited(deps, {
    action: 'account.registered',
    actor: id,
    organizationId: account.organization.id,
    target: { type: 'user', id },
    detail,
  })
  await insertUser(deps.db, account, [...(also?.(id) ?? []), registered])
}
