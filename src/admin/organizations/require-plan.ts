import { and, isNull, sql } from 'drizzle-orm'
import { isOnPlan } from '../../db/conditions.ts'
import { plans } from '../../db/schema/plans.ts'
import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'

/**
 * @returns the id of the plan's newest version
 * @throws Problem `invalid_request` naming `plan` if there is no such plan
 */
export async function requirePlan(deps: ManagementDeps, plan: string): Promise<string> {
  const [row] = await deps.db
    .select({ id: plans.id })
    .from(plans)
    .where(and(isOnPlan(sql`${plans.id}`, plan), isNull(plans.replacedAt)))
  if (row) return row.id
  throw new Problem('invalid_request', { errors: [{ path: 'body.plan', message: 'is no plan of this deployment' }] })
}

/** The same if the plan is optional. */
export const resolvePlan = async (deps: ManagementDeps, plan: string | undefined): Promise<string | undefined> =>
  plan === undefined ? undefined : requirePlan(deps, plan)
