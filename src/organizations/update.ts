import type * as z from 'zod'
import { audited } from '../audit/record.ts'
import type { UserPrincipal } from '../auth/principal.ts'
import { rolesWith } from '../auth/roles.ts'
import { requireThat, runBatch } from '../db/batch.ts'
import { lockOrganization } from '../db/locks.ts'
import type { ManagementDeps } from '../deps.ts'
import { orSlugTaken } from './create.ts'
import { getOwnOrganization } from './organization.ts'
import { isMember, type OrganizationView, updateOrganization } from './queries.ts'
import type { OrganizationChange } from './schemas.ts'

/** Renames an organization, or gives it another slug. @throws Problem `slug_taken`, `organization_not_found` */
export async function changeOrganization(
  deps: ManagementDeps,
  user: UserPrincipal,
  organizationId: string,
  { name, slug }: z.output<typeof OrganizationChange>,
): Promise<OrganizationView> {
  const changes = { ...(name !== undefined && { name }), ...(slug !== undefined && { slug }) }
  const before = await getOwnOrganization(deps, user, organizationId)
  const mayChange = isMember(organizationId, user.userId, rolesWith('organization:write'))
  const batch = runBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    allowed: requireThat(deps.db, mayChange, 'organization_not_found'),
    audit: audited(deps, {
      action: 'organization.updated',
      actor: user,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: { from: { name: before.name, slug: before.slug }, to: changes },
    }),
    organization: updateOrganization(deps.db, organizationId, changes),
  })
  await orSlugTaken(batch)
  return getOwnOrganization(deps, user, organizationId)
}
