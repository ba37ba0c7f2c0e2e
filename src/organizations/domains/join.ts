import { audited } from '../../audit/record.ts'
import type { UserPrincipal } from '../../auth/principal.ts'
import { requireThat, tryBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { memberships } from '../../db/schema/organizations.ts'
import { hasSeat } from '../../db/seats.ts'
import type { ManagementDeps } from '../../deps.ts'
import { getOwnOrganization } from '../organization.ts'
import { isJoinable, listJoinable } from './queries.ts'

/** Lists organizations that the user may join because of the domain of their confirmed address. */
export const listOwnJoinable = (deps: ManagementDeps, { userId }: UserPrincipal) => listJoinable(deps.db, userId)

/**
 * Makes the user a member of an organization that has verified the domain of their confirmed address. An existing member is
 * not changed.
 *
 * @throws Problem `organization_not_found`, also if the domain does not let its users join; `seat_limit_reached`
 */
export async function joinByDomain(deps: ManagementDeps, user: UserPrincipal, organizationId: string) {
  const { db } = deps
  const { userId } = user
  const found = (await listJoinable(db, userId)).find((one) => one.organization_id === organizationId)
  if (found) {
    const { role } = found
    await tryBatch(db, {
      lock: lockOrganization(db, organizationId),
      still: requireThat(db, isJoinable(userId, organizationId, role)),
      seat: requireThat(db, hasSeat(organizationId), 'seat_limit_reached'),
      audit: audited(deps, {
        action: 'member.joined',
        actor: user,
        organizationId,
        target: { type: 'user', id: userId },
        detail: { role, by: 'domain' },
      }),
      membership: db.insert(memberships).values({ organizationId, userId, role, createdAt: new Date(deps.now()) }),
    })
  }
  return getOwnOrganization(deps, user, organizationId)
}
