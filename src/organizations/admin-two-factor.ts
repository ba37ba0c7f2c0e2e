import type { Manager } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { findOrganization } from './queries.ts'

/**
 * Adding members to the platform organization creates administrators. If administrators need a second factor, adding one
 * requires it as well.
 *
 * @throws Problem `two_factor_required`
 */
export async function requireProtected(
  { config, db }: ManagementDeps,
  manager: Manager,
  organizationId: string,
): Promise<void> {
  if (!config.ADMIN_REQUIRES_TWO_FACTOR || manager.kind !== 'user') return
  if (!manager.isAdministrator || manager.hasTwoFactor) return
  const organization = await findOrganization(db, organizationId, manager.userId)
  if (organization?.isPlatform) throw new Problem('two_factor_required')
}
