import type { UserPrincipal } from '../auth/principal.ts'
import { mayDo } from '../auth/role-permissions.ts'
import type { Permission } from '../auth/roles.ts'
import { requireThat } from '../db/batch.ts'
import { lockOrganization } from '../db/locks.ts'
import type { ManagementDeps } from '../deps.ts'

/** The first steps of a batch that changes an organization: lock it, and require that the user still has the permission. */
export const buildLockSteps = (
  { db }: ManagementDeps,
  { userId }: UserPrincipal,
  organizationId: string,
  permission: Permission,
) => ({
  lock: lockOrganization(db, organizationId),
  allowed: requireThat(db, mayDo(organizationId, userId, permission), 'organization_not_found'),
})
