import type * as z from 'zod'
import { toFamily, toVersion } from '../../db/plan-version.ts'
import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { formatLimits } from './limits.ts'
import { findOrganization, type OrganizationView } from './queries.ts'
import type { AdminOrganization } from './schemas.ts'

/** Serializes an organization for the operator. */
export function toAdminOrganization(row: OrganizationView): z.output<typeof AdminOrganization> {
  const { organization_limits, ...overrides } = formatLimits(row.limitOverrides)
  return {
    id: row.id,
    external_id: row.externalId,
    name: row.name,
    slug: row.slug,
    email: row.email,
    metadata: row.metadata,
    plan: toFamily(row.planId),
    plan_version: toVersion(row.planId),
    is_platform: row.isPlatform,
    is_personal: row.isPersonal,
    limit_overrides: { ...overrides, ...(organization_limits && { organization_limits }) },
    member_count: row.memberCount,
    status: row.status,
    suspended_at: row.suspendedAt?.toISOString() ?? null,
    suspended_reason: row.suspendedReason,
    created_at: row.createdAt.toISOString(),
  }
}

/** @throws Problem `organization_not_found` */
export async function getOrganization(deps: ManagementDeps, organizationId: string): Promise<OrganizationView> {
  const organization = await findOrganization(deps.db, organizationId)
  if (!organization) throw new Problem('organization_not_found')
  return organization
}
