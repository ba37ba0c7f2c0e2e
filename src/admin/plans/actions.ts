import { sql } from 'drizzle-orm'
import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch, tryBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { holds } from '../../db/conditions.ts'
import { toVersion } from '../../db/plan-version.ts'
import { FIRST_PLAN } from '../../db/schema/shapes.ts'
import type { ManagementDeps } from '../../deps.ts'
import { statesPublished } from '../../events/state.ts'
import { resolveLimits } from '../../keys/resolve-limits.ts'
import { Problem } from '../../problems.ts'
import { holdMeters } from '../custom-limits.ts'
import { requireCustomMeters } from './custom-meters.ts'
import { invalidateOrganizations, MAX_ORGANIZATIONS } from './invalidate.ts'
import { formatMeters, toPlan } from './plan.ts'
import {
  countUses,
  deletePlanRows,
  findPlan,
  hasSubscribers,
  insertPlan,
  isNewest,
  isUnused,
  lockVersions,
  type PlanView,
  raiseOrganizations,
  selectAffected,
  toPlanRow,
  updatePlanFields,
} from './queries.ts'
import type { NewPlan, PlanChanges } from './schemas.ts'
import { requireSellable } from './sellable.ts'
import { changesTerms, copyVersion, nextVersionId } from './versions.ts'

/** The field that has the limits of every key. */
const KEY_LIMITS = 'body.limits.key_limits'

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
  requireSellable({ prices: plan.prices, seats: plan.seats ?? null, overage: plan.overage ?? {} })
  const custom = await requireCustomMeters(deps, plan)
  const key_limits = await resolveLimits(deps, plan.limits.key_limits, KEY_LIMITS)
  const limits = { ...plan.limits, ...(key_limits && { key_limits }) }
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

/** How often to decide again when somebody buys or changes the plan meanwhile. */
const MAX_ATTEMPTS = 5

/**
 * Changes a plan. What was sold to those who pay for it stays as it is for them: a change of that makes a new version,
 * which is sold from now on. Anything else, and every change of a plan that nobody pays for, holds for every organization
 * on the newest version, everywhere, within two seconds of the announcement (see `invalidateOrganizations`).
 *
 * @throws Problem `plan_not_found`, `invalid_request` for prices that a provider cannot have
 */
export async function changePlanFields(deps: ManagementDeps, requested: PlanChange): Promise<PlanView> {
  const change = { ...requested, changes: await resolveKeyLimits(deps, requested.changes) }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const plan = await getPlan(deps, change.planId)
    requireSellable({ ...plan, ...definedOnly(change.changes) })
    if (await tryChange(deps, change, plan)) return getPlan(deps, change.planId)
  }
  throw new Problem('unavailable', { detail: 'The plan is being changed concurrently; retry.' })
}

async function resolveKeyLimits(deps: ManagementDeps, changes: PlanChange['changes']): Promise<PlanChange['changes']> {
  const key_limits = await resolveLimits(deps, changes.limits?.key_limits, KEY_LIMITS)
  return key_limits ? { ...changes, limits: { ...changes.limits, key_limits } } : changes
}

const definedOnly = ({ prices, seats }: PlanChange['changes']) => ({
  ...(prices !== undefined && { prices }),
  ...(seats !== undefined && { seats }),
})

/** A change, and what was decided about it. */
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

async function changeInPlace(deps: ManagementDeps, change: DecidedChange): Promise<boolean> {
  const { planId, versionId, changes } = change
  const { limits, features, markup_percent, price_per_call_usd } = changes
  const changesKeys = [limits, features, markup_percent, price_per_call_usd].some((field) => field !== undefined)
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
  if (done?.organizations) await invalidateOrganizations(deps, done.organizations.rows)
  return done !== undefined
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
      lock: lockVersions(deps.db, planId),
      unused: requireThat(deps.db, isUnused(planId)),
      audit: audited(deps, { ...toEntry('admin.plan_deleted', deletion), detail }),
      plan: deletePlanRows(deps.db, planId),
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
