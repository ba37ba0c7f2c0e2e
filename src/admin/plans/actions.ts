import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch, tryBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { isPlan } from '../../db/conditions.ts'
import { lockPlan } from '../../db/locks.ts'
import { FIRST_PLAN } from '../../db/schema/shapes.ts'
import type { ManagementDeps } from '../../deps.ts'
import { statesPublished } from '../../events/state.ts'
import { Problem } from '../../problems.ts'
import { invalidateOrganizations, MAX_ORGANIZATIONS } from './invalidate.ts'
import { formatMeters, toPlan } from './plan.ts'
import {
  countUses,
  deletePlanRow,
  findPlan,
  insertPlan,
  isUnused,
  type PlanView,
  raiseOrganizations,
  selectAffected,
  toPlanRow,
  updatePlanFields,
} from './queries.ts'
import type { NewPlan, PlanChanges } from './schemas.ts'

/** @throws Problem `plan_not_found` */
export async function getPlan(deps: ManagementDeps, planId: string): Promise<PlanView> {
  const plan = await findPlan(deps.db, planId)
  if (!plan) throw new Problem('plan_not_found')
  return plan
}

/** @throws Problem `plan_exists` */
export async function createPlan(
  deps: ManagementDeps,
  operator: Operator,
  plan: z.output<typeof NewPlan>,
): Promise<PlanView> {
  const { id, limits, ...detail } = plan
  const row = toPlanRow(plan, new Date(deps.now()))
  const created = { ...row, organizationCount: 0 }
  try {
    await runBatch(deps.db, {
      plan: insertPlan(deps.db, row),
      audit: audited(deps, {
        action: 'admin.plan_created',
        actor: operator,
        target: { type: 'plan', id },
        detail: { ...detail, limits: { ...limits, meters: formatMeters(limits.meters) } },
      }),
      answer: await keepAnswer(deps, 201, toPlan(created)),
    })
  } catch (error) {
    if (brokenConstraint(error) === 'plans_pkey') throw new Problem('plan_exists')
    throw error
  }
  return created
}

interface PlanChange {
  readonly operator: Operator
  readonly planId: string
  readonly changes: z.output<typeof PlanChanges>
}

/**
 * Changes a plan; other limits or features hold for every organization on it, everywhere, within two seconds of the
 * announcement (see `invalidateOrganizations`).
 *
 * @throws Problem `plan_not_found`
 */
export async function changePlanFields(deps: ManagementDeps, change: PlanChange): Promise<PlanView> {
  const { planId, changes } = change
  const changesKeys = changes.limits !== undefined || changes.features !== undefined
  const done = await runBatch(deps.db, {
    lock: lockPlan(deps.db, planId),
    found: requireThat(deps.db, isPlan(planId), 'plan_not_found'),
    audit: audited(deps, { ...toEntry('admin.plan_updated', change), detail: { changes: describeChanges(changes) } }),
    organizations: changesKeys ? raiseOrganizations(deps.db, planId, MAX_ORGANIZATIONS) : undefined,
    states: statesPublished(deps, selectAffected(planId, changes, MAX_ORGANIZATIONS)),
    plan: updatePlanFields(deps.db, planId, changes),
  })
  if (done.organizations) await invalidateOrganizations(deps, done.organizations.rows)
  return getPlan(deps, planId)
}

function describeChanges({ limits, ...rest }: PlanChange['changes']) {
  const { meters } = limits ?? {}
  return { ...rest, ...(limits && { limits: { ...limits, ...(meters && { meters: formatMeters(meters) }) } }) }
}

/**
 * Deletes a plan that nothing refers to.
 *
 * @throws Problem `plan_not_found`; `plan_protected` for the plan that organizations begin with; `plan_in_use`, with numbers
 */
export async function deletePlan(deps: ManagementDeps, operator: Operator, planId: string): Promise<void> {
  const plan = await getPlan(deps, planId)
  if (planId === FIRST_PLAN) throw new Problem('plan_protected')
  const { organizationCount: _, createdAt: _created, updatedAt: _updated, id: _id, limits, ...rest } = plan
  const detail = { ...rest, limits: { ...limits, meters: formatMeters(limits.meters) } }
  if (!(await deleteUnused(deps, { operator, planId, detail }))) throw await whyNotDeleted(deps, planId)
}

interface Deletion {
  readonly operator: Operator
  readonly planId: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** @returns false when something refers to it, or it is gone already */
async function deleteUnused(deps: ManagementDeps, deletion: Deletion): Promise<boolean> {
  const { planId, detail } = deletion
  try {
    const done = await tryBatch(deps.db, {
      lock: lockPlan(deps.db, planId),
      unused: requireThat(deps.db, isUnused(planId)),
      audit: audited(deps, { ...toEntry('admin.plan_deleted', deletion), detail }),
      plan: deletePlanRow(deps.db, planId),
    })
    return done !== undefined
  } catch (error) {
    if (brokenConstraint(error)?.endsWith('plan_id_plans_id_fk')) return false // referred to since it was looked at
    throw error
  }
}

async function whyNotDeleted(deps: ManagementDeps, planId: string): Promise<Problem> {
  await getPlan(deps, planId)
  const { organizations, subscriptions } = await countUses(deps.db, planId)
  return new Problem('plan_in_use', {
    detail: `On the plan: ${organizations} organizations, ${subscriptions} subscriptions, past ones included.`,
  })
}

type PlanAct = 'admin.plan_updated' | 'admin.plan_deleted'

const toEntry = (action: PlanAct, { operator, planId }: { operator: Operator; planId: string }) =>
  ({ action, actor: operator, target: { type: 'plan', id: planId } }) as const
