import { holds, isPlan } from '../../db/conditions.ts'
import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'

/** @throws Problem `invalid_request` naming `plan` for one that there is not */
export async function requirePlan(deps: ManagementDeps, plan: string | undefined): Promise<void> {
  if (plan === undefined || (await holds(deps.db, isPlan(plan)))) return
  throw new Problem('invalid_request', { errors: [{ path: 'body.plan', message: 'is no plan of this deployment' }] })
}
