import type * as z from 'zod'
import { audited, unlessRefused } from '../audit/record.ts'
import type { UserPrincipal } from '../auth/principal.ts'
import { rolesWith } from '../auth/roles.ts'
import { lockOrganization } from '../db/locks.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { orSlugTaken } from './create.ts'
import { getOrganization } from './organization.ts'
import { isMember, type ShownOrganization, updateOrganization } from './queries.ts'
import type { OrganizationChange } from './schemas.ts'

/** Renames an organization, or gives it another slug. @throws Problem `slug_taken`, `organization_not_found` */
export async function changeOrganization(
  deps: ManagementDeps,
  user: UserPrincipal,
  organizationId: string,
  { name, slug }: z.output<typeof OrganizationChange>,
): Promise<ShownOrganization> {
  const changes = { ...(name !== undefined && { name }), ...(slug !== undefined && { slug }) }
  const before = await getOrganization(deps, user, organizationId)
  const done = await orSlugTaken(
    unlessRefused(
      deps.db.batch([
        lockOrganization(deps.db, organizationId),
        audited(deps, {
          act: 'organization.updated',
          actor: user,
          organizationId,
          target: { type: 'organization', id: organizationId },
          detail: { from: { name: before.name, slug: before.slug }, to: changes },
          provided: isMember(organizationId, user.userId, rolesWith('organization:write')),
        }),
        updateOrganization(deps.db, organizationId, changes),
      ]),
    ),
  )
  if (!done) throw new Problem('organization_not_found')
  return getOrganization(deps, user, organizationId)
}
