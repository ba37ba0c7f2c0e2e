import { requirePresence } from '../auth/presence.ts'
import type { Manager } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'

/** Whether somebody manages the platform organization: adding members to it creates administrators. */
const makesAdministrators = (manager: Manager, organizationId: string) =>
  manager.kind === 'user' &&
  manager.isAdministrator &&
  manager.memberships.some((one) => one.is_platform && one.organization_id === organizationId)

/**
 * If administrators need a second factor, adding one requires it as well.
 *
 * @throws Problem `two_factor_required`
 */
export function requireProtected({ config }: ManagementDeps, manager: Manager, organizationId: string): void {
  if (!config.ADMIN_REQUIRES_TWO_FACTOR || manager.kind !== 'user' || manager.hasTwoFactor) return
  if (makesAdministrators(manager, organizationId)) throw new Problem('two_factor_required')
}

/**
 * Whoever adds an administrator must also be present: an administrator outlives the access token of the one who added them.
 *
 * @throws Problem `two_factor_required`, `reauthentication_required`
 */
export function requirePresent(deps: ManagementDeps, manager: Manager, organizationId: string): void {
  requireProtected(deps, manager, organizationId)
  if (makesAdministrators(manager, organizationId)) requirePresence(manager, deps.now())
}
