import { sql } from 'drizzle-orm'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { recordBeforeLeaving } from '../../billing/overage/job.ts'
import { requireThat, tryBatch } from '../../db/batch.ts'
import { isPlan } from '../../db/conditions.ts'
import { lockOrganization, lockPlan } from '../../db/locks.ts'
import { toFamily } from '../../db/plan-version.ts'
import type { ManagementDeps } from '../../deps.ts'
import { organizationVersionKey } from '../../limits/limit-request.ts'
import { publishVersion } from '../../limits/versions.ts'
import { getOrganization } from './organization.ts'
import { isNotOn, type OrganizationView, selectVersion, updateOrganization } from './queries.ts'
import { requirePlan } from './require-plan.ts'

interface PlanAct {
  readonly operator: Operator
  readonly organizationId: string
  readonly plan: string
  readonly reason: string | undefined
}

/**
 * Puts an organization on the newest version of a plan; the new limits apply everywhere within two seconds. Idempotent.
 *
 * @throws Problem `organization_not_found`, `invalid_request` naming `plan` if there is no such plan
 */
export async function changePlan(deps: ManagementDeps, request: PlanAct): Promise<OrganizationView> {
  const { organizationId } = request
  const organization = await getOrganization(deps, organizationId)
  const plan = await requirePlan(deps, request.plan)
  if (organization.planId !== plan) await recordBeforeLeaving(deps, organizationId)
  const version = await putOnPlan(deps, { ...request, plan }, organization.planId)
  if (version === undefined) await requirePlan(deps, request.plan) // it may have been deleted meanwhile
  // publish on a repeat as well: the first request may have failed after its commit
  const present = version ?? (await selectVersion(deps.db, organizationId))
  if (present !== undefined) await publishVersion(deps, organizationVersionKey(organizationId), present)
  return getOrganization(deps, organizationId)
}

/** @returns the organization's new version, or `undefined` if it was already on that plan */
async function putOnPlan(deps: ManagementDeps, request: PlanAct, from: string): Promise<number | undefined> {
  const { operator, organizationId, plan, reason } = request
  const done = await tryBatch(deps.db, {
    lockPlan: lockPlan(deps.db, plan), // before the organization, in the same order as a change of the plan: see plans/actions.ts
    lock: lockOrganization(deps.db, organizationId),
    allowed: requireThat(deps.db, sql`${isNotOn(organizationId, plan)} and ${isPlan(plan)}`),
    audit: audited(deps, {
      action: 'admin.plan_changed',
      actor: operator,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: { from: toFamily(from), to: toFamily(plan), ...(reason !== undefined && { reason }) },
    }),
    organization: updateOrganization(deps.db, organizationId, { plan }),
  })
  return done?.organization[0]?.version
}
