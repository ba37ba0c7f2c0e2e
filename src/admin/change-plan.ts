import { audited, unlessRefused } from '../audit/record.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import type { UserPrincipal } from '../http/principal.ts'
import { announceVersion, organizationVersion } from '../limits/versions.ts'
import { Problem } from '../problems.ts'
import {
  findOrganization,
  hasPlan,
  isNotOn,
  lockOrganization,
  type ShownOrganization,
  updatePlan,
} from './organization-queries.ts'

interface PlanAct {
  readonly administrator: UserPrincipal
  readonly organizationId: string
  readonly plan: string
  readonly reason: string | undefined
}

/**
 * Puts an organization on a plan; its limits hold everywhere within two seconds. Putting it there twice is no error.
 *
 * @throws Problem `organization_not_found`, `invalid_request` naming `plan` for one that there is not
 */
export async function changePlan(deps: ManagementDeps, act: PlanAct): Promise<ShownOrganization> {
  const { organizationId, plan } = act
  const organization = await getOrganization(deps, organizationId)
  if (!(await hasPlan(deps.db, plan))) {
    throw new Problem('invalid_request', { errors: [{ path: 'body.plan', message: 'is no plan of this deployment' }] })
  }
  const version = await putOnPlan(deps, act, organization.planId)
  if (version !== undefined) await announceVersion(deps, organizationVersion(organizationId), version)
  return getOrganization(deps, organizationId)
}

/** @returns the organization's new version, or `undefined` when it was on that plan already */
async function putOnPlan(deps: ManagementDeps, act: PlanAct, from: string): Promise<number | undefined> {
  const { administrator, organizationId, plan, reason } = act
  const done = await unlessRefused(
    deps.db.batch([
      lockOrganization(deps.db, organizationId),
      audited(deps, {
        act: 'admin.plan_changed',
        actor: administrator,
        organizationId,
        target: { type: 'organization', id: organizationId },
        detail: { from, to: plan, ...(reason !== undefined && { reason }) },
        provided: isNotOn(organizationId, plan),
      }),
      updatePlan(deps.db, organizationId, plan),
    ]),
  )
  return done?.[2][0]?.version
}

async function getOrganization(deps: ManagementDeps, organizationId: string): Promise<ShownOrganization> {
  const organization = await findOrganization(deps.db, organizationId)
  if (!organization) throw new Problem('organization_not_found')
  return organization
}
