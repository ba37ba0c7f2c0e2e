import { sql } from 'drizzle-orm'
import { audited } from '../audit/record.ts'
import { requireThat, type Statement } from '../db/batch.ts'
import { holds } from '../db/conditions.ts'
import { lockOrganizations, lockUser } from '../db/locks.ts'
import { isAddressOf } from '../db/own-address.ts'
import type { ManagementDeps } from '../deps.ts'
import { endApplications } from '../keys/applications.ts'
import { clearAccount } from './email/clear-account.ts'
import { deleteEmailTokens, endSessions } from './email/queries.ts'

/** An account with an unconfirmed address, and the organization that has verified the domain of that address. */
export interface Claim {
  readonly userId: string
  readonly email: string
  readonly isSelfRegistered: boolean
  /** The name from the organization's provider or directory. */
  readonly name: string | null
  readonly organizationId: string
  readonly by: 'sso' | 'directory'
}

/**
 * Whether an account may be claimed: its address is in the organization's domain, it is not an administrator, and not a member
 * of the organization, because members are known to it and can sign in and confirm the address themselves.
 */
const isClaimable = ({ userId, email, organizationId }: Claim) => sql`(
  exists (select 1 from users u where u.id = ${userId}::uuid and u.email = ${email} and u.email_verified_at is null and u.is_active)
  and ${isAddressOf(organizationId, sql`${email}`)}
  and not exists (select 1 from memberships m join organizations o on o.id = m.organization_id
    where m.user_id = ${userId}::uuid and (o.is_platform or o.id = ${organizationId}::uuid)))`

export const mayClaim = (deps: ManagementDeps, claim: Claim): Promise<boolean> => holds(deps.db, isClaimable(claim))

/**
 * Batch steps that give an account to the person for whom the organization of its domain vouches. Anybody may have registered
 * the address, but the domain's owner controls it. Everything that was created in the account is removed, as after the first
 * reset of its password, and so is the password: a stranger keeps no access and nothing that acts in the account's name. An
 * account that the operator, an import or a directory created is confirmed as it is.
 *
 * The batch is aborted if the claim is not possible (any more). It must not lock any organization before these steps.
 */
export function claimAccount(deps: ManagementDeps, claim: Claim): Statement[] {
  const { db } = deps
  const { userId, email, organizationId, isSelfRegistered, name, by } = claim
  const now = new Date(deps.now())
  const around = sql`select m.organization_id from memberships m where m.user_id = ${userId}::uuid union select ${organizationId}::uuid`
  return [
    lockOrganizations(db, around),
    lockUser(db, userId),
    requireThat(db, isClaimable(claim)),
    ...clearAccount(deps, { id: userId, email }, now),
    ...(isSelfRegistered
      ? [...endSessions(db, userId, 'account_claimed', { now }), endApplications(deps, userId)]
      : []),
    deleteEmailTokens(db, userId),
    db.execute(sql`
      update users set email_verified_at = ${now.toISOString()}::timestamptz, updated_at = ${now.toISOString()}::timestamptz,
        password_hash = case when not is_self_registered then password_hash end,
        name = case when is_self_registered then ${name}::text else name end
      where id = ${userId}::uuid`),
    audited(deps, {
      action: 'account.claimed',
      actor: userId,
      organizationId,
      target: { type: 'user', id: userId },
      detail: { by, cleared: isSelfRegistered },
    }),
  ]
}
