import type * as z from 'zod'
import type { UserPrincipal } from '../auth/principal.ts'
import { toFamily } from '../db/plan-version.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { findOrganization, type OrganizationView } from './queries.ts'
import type { Organization } from './schemas.ts'

/** Serializes an organization. @param activeId the organization that the caller's token acts for */
export function toOrganization(row: OrganizationView, activeId: string | null): z.output<typeof Organization> {
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    external_id: row.externalId,
    plan: toFamily(row.planId),
    role: row.role,
    is_personal: row.isPersonal,
    is_active: row.id === activeId,
    requires_two_factor: row.requiresTwoFactor,
    suspended_at: row.suspendedAt?.toISOString() ?? null,
    member_count: row.memberCount,
    created_at: row.createdAt.toISOString(),
  }
}

/** @throws Problem `organization_not_found` */
export async function getOwnOrganization(
  deps: ManagementDeps,
  user: UserPrincipal,
  organizationId: string,
): Promise<OrganizationView> {
  const row = await findOrganization(deps.db, organizationId, user.userId)
  if (!row) throw new Problem('organization_not_found')
  return row
}
