import { sql } from 'drizzle-orm'
import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch, tryBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { holds } from '../../db/conditions.ts'
import { holdMeters } from '../../db/hold-meters.ts'
import { lockVersions } from '../../db/locks.ts'
import { toVersion } from '../../db/plan-version.ts'
import { retryUntilDone } from '../../db/retry-until-done.ts'
import { FIRST_PLAN } from '../../db/schema/shapes.ts'
import type { ManagementDeps } from '../../deps.ts'
import { statesPublished } from '../../events/state.ts'
import { resolveLimits } from '../../keys/resolve-limits.ts'
import { Problem } from '../../problems.ts'
import { requireCustomMeters } from './custom-meters.ts'
import { invalidateOnPlan, MAX_ORGANIZATIONS } from './invalidate.ts'
import { formatMeters, toPlan } from './plan.ts'
import {
  countUses,
  deletePlanRows,
  findPlan,
  hasSubscribers,
  insertPlan,
  isNewest,
  isUnused,
  type PlanView,
  raiseOrganizations,
  selectAffected,
  toPlanRow,
  updatePlanFields,
} from './queries.ts'
import type { NewPlan, PlanChanges } from './schemas.ts'
import { requireSellable } from './sellable.ts'
import { changesTerms, copyVersion, nextVersionId } from './versions.ts'

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
  const { id, ...detail } = plan
  requireSellable({ ...plan, seats: plan.seats ?? null, overage: plan.overage ?? {}, addons: plan.addons ?? [] })
  const custom = await requireCustomMeters(deps, plan)
  const limits = { ...plan.limits, ...(await resolveNamed(deps, plan.limits)) }
  const row = toPlanRow({ ...plan, limits }, new Date(deps.now()))
  const created = { ...row, organizationCount: 0 }
  try {
    await runBatch(deps.db, {
      meters: holdMeters(deps.db, custom),
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
 * Changes a plan. Paying customers keep the terms that they bought: a change of terms creates a new version, which is sold from
 * now on. Any other change, and every change of a plan that nobody pays for, applies to every organization on the newest
 * version, everywhere within two seconds of its invalidation (see `invalidateOnPlan`).
 *
 * @throws Problem `plan_not_found`, `invalid_request` for prices that no provider supports
 */
export async function changePlanFields(deps: ManagementDeps, requested: PlanChange): Promise<PlanView> {
  const change = { ...requested, changes: await resolveChanges(deps, requested.changes) }
  return retryUntilDone(
    async () => {
      const plan = await getPlan(deps, change.planId)
      requireSellable(toOffer(plan, change.changes))
      return (await tryChange(deps, change, plan)) ? getPlan(deps, change.planId) : undefined
    },
    { subject: 'The plan' },
  )
}

async function resolveChanges(deps: ManagementDeps, changes: PlanChange['changes']): Promise<PlanChange['changes']> {
  const { limits } = changes
  return limits ? { ...changes, limits: { ...limits, ...(await resolveNamed(deps, limits)) } } : changes
}

/** Resolves a plan's named limits with the decimals of the meters that they count. */
async function resolveNamed(
  deps: ManagementDeps,
  limits: Pick<z.output<typeof NewPlan>['limits'], 'key_limits' | 'organization_limits'>,
) {
  const key_limits = await resolveLimits(deps, limits.key_limits, 'body.limits.key_limits')
  const organization_limits = await resolveLimits(deps, limits.organization_limits, 'body.limits.organization_limits')
  return { ...(key_limits && { key_limits }), ...(organization_limits && { organization_limits }) }
}

/** What a plan sells after a change. Null removes a meter's overage. */
function toOffer(plan: PlanView, { prices, seats, addons, overage }: PlanChange['changes']) {
  const merged = Object.entries({ ...plan.overage, ...overage })
  return {
    prices: prices ?? plan.prices,
    seats: seats === undefined ? plan.seats : seats,
    addons: addons ?? plan.addons,
    overage: Object.fromEntries(merged.filter(([, price]) => price !== null && price !== undefined)),
  }
}

/** A change, and the decisions about it. */
interface DecidedChange extends PlanChange {
  readonly versionId: string
  readonly changesTerms: boolean
  /** The custom meters that it names. */
  readonly custom: readonly string[]
}

/** @returns false if the decision no longer holds */
async function tryChange(deps: ManagementDeps, change: PlanChange, plan: PlanView): Promise<boolean> {
  const decided: DecidedChange = {
    ...change,
    versionId: plan.id,
    changesTerms: changesTerms(plan, change.changes),
    custom: await requireCustomMeters(deps, change.changes),
  }
  const isNewVersion = decided.changesTerms && (await holds(deps.db, hasSubscribers(plan.id)))
  return isNewVersion ? addVersion(deps, decided) : changeInPlace(deps, decided)
}

async function addVersion(deps: ManagementDeps, change: DecidedChange): Promise<boolean> {
  const { planId, versionId, changes } = change
  const next = nextVersionId(versionId)
  const done = await tryBatch(deps.db, {
    lock: lockVersions(deps.db, planId),
    meters: holdMeters(deps.db, change.custom),
    newest: requireThat(deps.db, isNewest(versionId)),
    audit: audited(deps, {
      ...toEntry('admin.plan_updated', change),
      detail: { changes: describeChanges(changes), version: toVersion(next) },
    }),
    copy: copyVersion(deps.db, versionId, new Date(deps.now())),
    plan: updatePlanFields(deps.db, next, changes),
  })
  return done !== undefined
}

/** What isolates remember of a plan. */
const KEY_FIELDS = ['limits', 'features', 'markup_percent', 'price_per_call_usd', 'at_no_credits'] as const

async function changeInPlace(deps: ManagementDeps, change: DecidedChange): Promise<boolean> {
  const { planId, versionId, changes } = change
  const changesKeys = KEY_FIELDS.some((field) => changes[field] !== undefined)
  const newest = isNewest(versionId)
  const done = await tryBatch(deps.db, {
    lock: lockVersions(deps.db, planId),
    meters: holdMeters(deps.db, change.custom),
    newest: requireThat(deps.db, change.changesTerms ? sql`${newest} and not ${hasSubscribers(versionId)}` : newest),
    audit: audited(deps, { ...toEntry('admin.plan_updated', change), detail: { changes: describeChanges(changes) } }),
    organizations: changesKeys ? raiseOrganizations(deps.db, versionId, MAX_ORGANIZATIONS) : undefined,
    states: statesPublished(deps, selectAffected(versionId, changes, MAX_ORGANIZATIONS)),
    plan: updatePlanFields(deps.db, versionId, changes),
  })
  if (done?.organizations) await invalidateOnPlan(deps, done.organizations.rows)
  return done !== undefined
}

function describeChanges({ limits, ...rest }: PlanChange['changes']) {
  const { meters } = limits ?? {}
  return { ...rest, ...(limits && { limits: { ...limits, ...(meters && { meters: formatMeters(meters) }) } }) }
}

/**
 * Deletes a plan that nothing refers to.
 *
 * @throws Problem `plan_not_found`; `plan_protected` for the plan of new organizations; `plan_in_use`, with counts
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

/** @returns false if something refers to it, or it was already deleted */
async function deleteUnused(deps: ManagementDeps, deletion: Deletion): Promise<boolean> {
  const { planId, detail } = deletion
  try {
    const done = await tryBatch(deps.db, {
      lock: lockVersions(deps.db, planId),
      unused: requireThat(deps.db, isUnused(planId)),
      audit: audited(deps, { ...toEntry('admin.plan_deleted', deletion), detail }),
      plan: deletePlanRows(deps.db, planId),
    })
    return done !== undefined
  } catch (error) {
    if (brokenConstraint(error)?.endsWith('plan_id_plans_id_fk')) return false // something began to refer to it after the check
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
