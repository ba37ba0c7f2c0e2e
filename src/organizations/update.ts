import type * as z from 'zod'
import { audited } from '../audit/record.ts'
import type { UserPrincipal } from '../auth/principal.ts'
import { runBatch } from '../db/batch.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { orSlugTaken } from './create.ts'
import { buildLockSteps } from './lock-steps.ts'
import { getOwnOrganization } from './organization.ts'
import { type OrganizationView, updateOrganization } from './queries.ts'
import type { OrganizationChange } from './schemas.ts'

type Change = z.output<typeof OrganizationChange>

/**
 * Changes an organization's name and slug, and whether it requires a second factor of its members.
 *
 * @throws Problem `slug_taken`, `organization_not_found`; `forbidden` and `two_factor_required` as {@link requireMayRequire}
 */
export async function changeOrganization(
  deps: ManagementDeps,
  user: UserPrincipal,
  organizationId: string,
  change: Change,
): Promise<OrganizationView> {
  const before = await getOwnOrganization(deps, user, organizationId)
  if (change.requires_two_factor !== undefined) requireMayRequire(user, before, change)
  const needed = change.requires_two_factor === undefined ? 'organization:write' : 'owners:write'
  const batch = runBatch(deps.db, {
    ...buildLockSteps(deps, user, organizationId, needed),
    audit: audited(deps, {
      action: 'organization.updated',
      actor: user,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: { from: pickSame(before, change), to: change },
    }),
    organization: updateOrganization(deps.db, organizationId, toColumns(change)),
  })
  await orSlugTaken(batch)
  return getOwnOrganization(deps, user, organizationId)
}

/**
 * Only a user with a second factor can require it of others, so the user who enables this is not locked out.
 *
 * @throws Problem `forbidden` unless they are an owner, `two_factor_required`
 */
function requireMayRequire(user: UserPrincipal, { role }: OrganizationView, { requires_two_factor }: Change): void {
  if (role !== 'owner')
    throw new Problem('forbidden', { detail: 'Only owners can change whether members need a second factor.' })
  if (requires_two_factor && !user.hasTwoFactor) throw new Problem('two_factor_required')
}

const toColumns = ({ name, slug, requires_two_factor: requiresTwoFactor }: Change) => ({
  ...(name !== undefined && { name }),
  ...(slug !== undefined && { slug }),
  ...(requiresTwoFactor !== undefined && { requiresTwoFactor }),
})

/** The previous values of the changed fields. */
function pickSame({ name, slug, requiresTwoFactor: requires_two_factor }: OrganizationView, change: Change) {
  const all = { name, slug, requires_two_factor }
  return Object.fromEntries(Object.entries(all).filter(([field]) => change[field as keyof Change] !== undefined))
}
