import { sql } from 'drizzle-orm'
import type * as z from 'zod'
import { audited } from '../../audit/record.ts'
import { isMember } from '../../auth/role-permissions.ts'
import { requireThat, tryBatch } from '../../db/batch.ts'
import { holds } from '../../db/conditions.ts'
import { lockOrganization } from '../../db/locks.ts'
import { isAddressOf } from '../../db/own-address.ts'
import { memberships } from '../../db/schema/organizations.ts'
import { hasSeat } from '../../db/seats.ts'
import type { ManagementDeps } from '../../deps.ts'
import { emailDomain } from '../../lib/email-address.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { admit } from '../admit.ts'
import { beginAt } from '../identities/begin.ts'
import { beginIdentity, type Taken } from '../identities/complete.ts'
import { findByIdentity, stillSignsIn, useIdentity } from '../identities/queries.ts'
import { findUserByEmail } from '../queries.ts'
import { openConnection } from './connection.ts'
import { type ConnectionRow, findByDomain, findConnection, isWelcome, mayStillSignIn, noteUse } from './queries.ts'
import type { SsoSignIn } from './schemas.ts'

/**
 * Begins a sign-in at the provider of the organization that has verified the domain of an address.
 *
 * @throws Problem `sso_not_found`, `identity_provider_unavailable`, `rate_limited`; `invalid_request` for a `return_to` that
 *   browsers may not be sent to
 */
export async function beginSsoSignIn(deps: ManagementDeps, { email, ...page }: z.output<typeof SsoSignIn>) {
  await enforceRateLimits(deps, { sign_in_address: { address: networkAddress(deps) } })
  const connection = await findByDomain(deps.db, emailDomain(email))
  if (!connection) throw new Problem('sso_not_found')
  const provider = await openConnection(deps, connection)
  if (!provider) throw new Problem('identity_provider_unavailable')
  return beginAt(deps, provider, page, email)
}

/**
 * Signs in with an identity of an organization's provider. The first time, creates an account and a membership. The
 * provider has authority only over addresses in the organization's verified domains, even for accounts that it already
 * signed in: a user whose address is now in another domain no longer belongs to the organization.
 *
 * @throws Problem `sso_not_found` if the connection is gone; `sso_address_refused`, `sso_no_member`, `seat_limit_reached`;
 *   further ones as `completeSignIn`
 */
export async function completeBySso(deps: ManagementDeps, connectionId: string, taken: Taken) {
  const connection = await findConnection(deps.db, connectionId)
  if (connection?.issuer !== taken.identity.issuer) throw new Problem('sso_not_found') // it is gone, or has another provider now
  const { organizationId } = connection
  const account = (await findByIdentity(deps.db, taken.identity)) ?? (await beginFirst(deps, connection, taken))
  await requireAddress(deps, organizationId, account.userEmail)
  if (account.isActive) await requireMember(deps, connection, account.id) // a disabled account is refused below
  const { provider, identity, spent } = taken
  const lastUsedAt = new Date(deps.now())
  return admit(deps, account, {
    factor: 'identity',
    detail: { provider },
    holds: sql`${stillSignsIn(account.identityId, account.id)} and ${mayStillSignIn(connection, account.id)}`,
    spent: [
      spent,
      useIdentity(deps.db, account.identityId, { provider, email: identity.email, lastUsedAt }),
      noteUse(deps.db, connectionId, lastUsedAt),
    ],
    sso: { connectionId, organizationId },
  })
}

/** Creates or links an account only for an address over which the organization's provider has authority. */
async function beginFirst(deps: ManagementDeps, connection: ConnectionRow, taken: Taken) {
  const { organizationId, joinRole } = connection
  const { email, isEmailVerified } = taken.identity
  if (email === null || !isEmailVerified) throw new Problem('sso_address_refused')
  await requireAddress(deps, organizationId, email)
  await requirePlace(deps, connection, email)
  return beginIdentity(deps, taken, { vouchedBy: organizationId, joins: joinRole !== null })
}

async function requireAddress({ db }: ManagementDeps, organizationId: string, email: string): Promise<void> {
  if (!(await holds(db, isAddressOf(organizationId, sql`${email}`)))) throw new Problem('sso_address_refused')
}

/**
 * Requires that the person with an address is a member, or would become one. Decided before anything is written: a refused
 * sign-in creates no account and links no identity.
 *
 * @throws Problem `sso_no_member`, `seat_limit_reached`
 */
async function requirePlace({ db }: ManagementDeps, { organizationId, joinRole }: ConnectionRow, email: string) {
  const known = await findUserByEmail(db, email)
  if (known && (await holds(db, isMember(organizationId, known.id)))) return
  if (joinRole === null) throw new Problem('sso_no_member')
  if (known && !(await holds(db, isWelcome(organizationId, known.id)))) throw new Problem('sso_no_member')
  if (!(await holds(db, hasSeat(organizationId)))) throw new Problem('seat_limit_reached')
}

/** Adds the user as a member if they are not, and the connection allows that. */
async function requireMember(deps: ManagementDeps, connection: ConnectionRow, userId: string): Promise<void> {
  const { db } = deps
  const { organizationId, joinRole: role } = connection
  if (await holds(db, isMember(organizationId, userId))) return
  if (role === null) throw new Problem('sso_no_member')
  const done = await tryBatch(db, {
    lock: lockOrganization(db, organizationId),
    welcome: requireThat(
      db,
      sql`${isWelcome(organizationId, userId)} and not ${isMember(organizationId, userId)} and ${mayStillSignIn(connection, userId)}`,
    ),
    seat: requireThat(db, hasSeat(organizationId), 'seat_limit_reached'),
    audit: audited(deps, {
      action: 'member.joined',
      actor: userId,
      organizationId,
      target: { type: 'user', id: userId },
      detail: { role, by: 'sso' },
    }),
    membership: db.insert(memberships).values({ organizationId, userId, role, createdAt: new Date(deps.now()) }),
  })
  if (!done && !(await holds(db, isMember(organizationId, userId)))) throw new Problem('sso_no_member')
}
