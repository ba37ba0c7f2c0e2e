import { and, asc, eq, gt, isNotNull, type SQL, sql } from 'drizzle-orm'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { moveSubscription } from '../../billing/move.ts'
import { isOnPlan } from '../../db/conditions.ts'
import { toPlanId } from '../../db/plan-version.ts'
import { organizations } from '../../db/schema/organizations.ts'
import { plans } from '../../db/schema/plans.ts'
import type { ManagementDeps } from '../../deps.ts'
import { decodeCursor, page } from '../../lib/cursor.ts'
import { Problem } from '../../problems.ts'
import { changePlan } from '../organizations/change-plan.ts'
import { getPlan } from './actions.ts'

interface MoveRequest {
  readonly operator: Operator
  readonly planId: string
  /** Moves only organizations on this version; those on all older versions if absent. */
  readonly fromVersion: number | undefined
  readonly organizationId: string | undefined
  readonly when: 'now' | 'period_end'
  readonly limit: number
  /** `next_cursor` of the previous call. */
  readonly cursor: string | undefined
}

interface MoveFailure {
  readonly organization_id: string
  readonly code: string
  readonly detail: string
}

/**
 * Moves organizations from older versions of a plan to the newest: one page per call, one after the other. Paying customers
 * keep interval, seats and add-ons. An organization that cannot be moved stays and is reported. Idempotent.
 *
 * @throws Problem `plan_not_found`, `invalid_request` naming `cursor`
 */
export async function movePlan(deps: ManagementDeps, request: MoveRequest) {
  const { id: newest } = await getPlan(deps, request.planId)
  const { data, next_cursor } = page(await listOutdated(deps, request), request.limit)
  const counts = { moved: 0, scheduled: 0 }
  const failed: MoveFailure[] = []
  for (const { id } of data) {
    const outcome = await tryMove(deps, request, id, newest)
    if (typeof outcome === 'string') counts[outcome]++
    else failed.push(outcome)
  }
  return { ...counts, failed, next_cursor }
}

function requireCursor(cursor: string | undefined): string | undefined {
  const after = cursor === undefined ? undefined : decodeCursor(cursor)
  if (after !== undefined || cursor === undefined) return after
  throw new Problem('invalid_request', { errors: [{ path: 'body.cursor', message: 'is not a cursor of this list' }] })
}

function listOutdated({ db }: ManagementDeps, { planId, fromVersion, organizationId, limit, cursor }: MoveRequest) {
  const after = requireCursor(cursor)
  const ofVersion: SQL | undefined =
    fromVersion === undefined ? isNotNull(plans.replacedAt) : eq(plans.id, toPlanId(planId, fromVersion))
  return db
    .select({ id: organizations.id })
    .from(organizations)
    .innerJoin(plans, eq(plans.id, organizations.planId))
    .where(
      and(
        isOnPlan(sql`${plans.id}`, planId),
        isNotNull(plans.replacedAt),
        ofVersion,
        organizationId === undefined ? undefined : eq(organizations.id, organizationId),
        after === undefined ? undefined : gt(organizations.id, after),
      ),
    )
    .orderBy(asc(organizations.id))
    .limit(limit + 1)
}

async function tryMove(
  deps: ManagementDeps,
  { operator, planId, when }: MoveRequest,
  organizationId: string,
  newest: string,
): Promise<'moved' | 'scheduled' | MoveFailure> {
  try {
    const outcome = await moveSubscription(deps, { organizationId, planId: newest, when })
    if (outcome === 'none') {
      await changePlan(deps, { operator, organizationId, plan: planId, reason: 'Moved to the newest version.' })
      return 'moved'
    }
    await audited(deps, {
      action: 'admin.subscription_moved',
      actor: operator,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: { to: newest, outcome },
    })
    return outcome
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { organization_id: organizationId, code: error.code, detail: error.message }
  }
}
