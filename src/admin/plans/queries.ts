import { and, asc, eq, isNull, type SQL, sql } from 'drizzle-orm'
import type * as z from 'zod'
import { isOnPlan } from '../../db/conditions.ts'
import type { Database } from '../../db/orm.ts'
import { toVersion } from '../../db/plan-version.ts'
import { changedAfter } from '../../db/recent-periods.ts'
import { plans } from '../../db/schema/plans.ts'
import type { PlanLimits, PlanOverage } from '../../db/schema/shapes.ts'
import type { NewPlan, PlanChanges } from './schemas.ts'

const viewColumns = {
  id: plans.id,
  name: plans.name,
  prices: plans.prices,
  trialDays: plans.trialDays,
  seats: plans.seats,
  addons: plans.addons,
  replacedAt: plans.replacedAt,
  limits: plans.limits,
  features: plans.features,
  isPublic: plans.isPublic,
  sortOrder: plans.sortOrder,
  overage: plans.overage,
  includedCreditsUsd: plans.includedCreditsUsd,
  rolloverMaxUsd: plans.rolloverMaxUsd,
  atNoCredits: plans.atNoCredits,
  markupPercent: plans.markupPercent,
  pricePerCallUsd: plans.pricePerCallUsd,
  createdAt: plans.createdAt,
  updatedAt: plans.updatedAt,
  organizationCount: sql<number>`(select count(*)::int from organizations o where o.plan_id = plans.id)`,
}

export type PlanView = NonNullable<Awaited<ReturnType<typeof findPlan>>>

/** Finds the newest version of a plan. @param family the plan's id without a version */
export async function findPlan(db: Database, family: string) {
  const newest = and(isOnPlan(sql`${plans.id}`, family), isNull(plans.replacedAt))
  const [row] = await db.select(viewColumns).from(plans).where(newest)
  return row
}

/** The newest versions of all plans, in catalog order. Not paginated: an operator has about a dozen. */
export function listPlans(db: Database) {
  return db.select(viewColumns).from(plans).where(isNull(plans.replacedAt)).orderBy(asc(plans.sortOrder), asc(plans.id))
}

/** All versions of a plan, newest first. */
export async function listVersions(db: Database, family: string) {
  const rows = await db
    .select(viewColumns)
    .from(plans)
    .where(isOnPlan(sql`${plans.id}`, family))
  return rows.toSorted((a, b) => toVersion(b.id) - toVersion(a.id))
}

/** A new plan's row. */
export function toPlanRow(plan: z.output<typeof NewPlan>, createdAt: Date) {
  return {
    id: plan.id,
    name: plan.name,
    prices: plan.prices,
    trialDays: plan.trial_days,
    seats: plan.seats ?? null,
    addons: plan.addons,
    replacedAt: null,
    limits: plan.limits as PlanLimits,
    features: plan.features,
    overage: plan.overage as PlanOverage,
    markupPercent: plan.markup_percent,
    pricePerCallUsd: plan.price_per_call_usd,
    isPublic: plan.is_public,
    sortOrder: plan.sort_order,
    includedCreditsUsd: plan.included_credits_usd,
    rolloverMaxUsd: plan.rollover_max_usd,
    atNoCredits: plan.at_no_credits,
    createdAt,
    updatedAt: createdAt,
  }
}

/** Violates `plans_pkey` if the id is taken. */
export const insertPlan = (db: Database, row: ReturnType<typeof toPlanRow>) => db.insert(plans).values(row)

/** Merges changes into a plan, in the database, so that concurrent changes do not overwrite each other. */
export function updatePlanFields(db: Database, planId: string, changes: z.output<typeof PlanChanges>) {
  const { limits: _limits, features: _features, overage, ...rest } = changes
  return db
    .update(plans)
    .set({
      ...toColumns(rest),
      ...mergeStateFields(changes),
      ...(overage && { overage: mergeJson(sql`${plans.overage}`, overage) }),
      updatedAt: new Date(),
    })
    .where(eq(plans.id, planId))
}

/** The new values of the fields that are part of the state of the plan's organizations. */
function mergeStateFields({ limits, features }: z.output<typeof PlanChanges>) {
  return {
    ...(limits && { limits: mergeLimits(limits) }),
    ...(features && { features: mergeJson(sql`${plans.features}`, features) }),
  }
}

function mergeLimits({ meters = {}, ...others }: NonNullable<z.output<typeof PlanChanges>['limits']>) {
  const changed = sql`${plans.limits} || ${JSON.stringify(others)}::jsonb`
  return sql`jsonb_set(${changed}, '{meters}', ${mergeJson(sql`${plans.limits}->'meters'`, meters)})`
}

/** Not with `jsonb_strip_nulls`: it would strip the `null` that means "no limit" inside a meter. */
function mergeJson(known: ReturnType<typeof sql>, changes: Readonly<Record<string, unknown>>) {
  const entries = Object.entries(changes)
  const set = Object.fromEntries(entries.filter(([, value]) => value !== null))
  const removed = entries.flatMap(([name, value]) => (value === null ? [name] : []))
  return sql`((${known}) || ${JSON.stringify(set)}::jsonb) - array(select jsonb_array_elements_text(${JSON.stringify(removed)}::jsonb))`
}

type Descriptive = Omit<z.output<typeof PlanChanges>, 'limits' | 'features' | 'overage'>

/** Drizzle ignores undefined columns. */
function toColumns(fields: Descriptive) {
  return {
    name: fields.name,
    prices: fields.prices,
    trialDays: fields.trial_days,
    seats: fields.seats,
    addons: fields.addons,
    markupPercent: fields.markup_percent,
    pricePerCallUsd: fields.price_per_call_usd,
    isPublic: fields.is_public,
    sortOrder: fields.sort_order,
    includedCreditsUsd: fields.included_credits_usd,
    rolloverMaxUsd: fields.rollover_max_usd,
    atNoCredits: fields.at_no_credits,
  }
}

/**
 * Raises the versions of a plan's most recently active organizations, as many as will be invalidated: isolates' cached rows of
 * them are stale once this commits. Raising more would only lock more rows: organizations that are not invalidated are
 * reloaded when their cached rows expire. The rows are locked in id order, so that two such statements cannot
 * deadlock.
 *
 * @returns those organizations, the most active first, with their new versions
 */
export function raiseOrganizations(db: Database, planId: string, most: number) {
  return db.execute<{ id: string; version: number }>(sql`
    with used as (
      select organization_id, max(updated_at) as at from usage_periods u where ${sql.raw(changedAfter('u', `(now() - interval '1 day')`))}
      group by organization_id
    ), chosen as materialized (
      select o.id, used.at from organizations o left join used on used.organization_id = o.id
      where o.plan_id = ${planId} order by used.at desc nulls last, o.id limit ${most}
    ), found as materialized (
      select id from organizations where id in (select id from chosen) order by id for no key update
    ), raised as (
      update organizations o set version = o.version + 1 from found where o.id = found.id returning o.id, o.version
    )
    select raised.id, raised.version from raised join chosen on chosen.id = raised.id
    order by chosen.at desc nulls last, raised.id`)
}

/**
 * Selects organizations on a plan whose state these changes affect, at most `most`; none if the plan's part of the
 * state stays the same. Evaluated before the plan is changed, under its lock.
 */
export function selectAffected(planId: string, changes: z.output<typeof PlanChanges>, most: number): SQL {
  const { limits = plans.limits, features = plans.features } = mergeStateFields(changes)
  const isOther = sql`exists (select from ${plans} where ${plans.id} = ${planId}
    and (${plans.name}, ${plans.limits}, ${plans.features})
      is distinct from (${changes.name ?? plans.name}, ${limits}, ${features}))`
  return sql`select id from organizations where plan_id = ${planId} and ${isOther} order by id limit ${most}`
}

/** Counts references to any version of a plan: organizations on it, and subscriptions, including past ones. */
export async function countUses(
  db: Database,
  family: string,
): Promise<{ organizations: number; subscriptions: number }> {
  const { rows } = await db.execute<{ organizations: number; subscriptions: number }>(sql`
    select (select count(*)::int from organizations where ${isOnPlan(sql`plan_id`, family)}) as organizations,
      (select count(*)::int from subscriptions where ${isBoughtOrPending(family)}) as subscriptions`)
  return rows[0] ?? { organizations: 0, subscriptions: 0 }
}

const isBoughtOrPending = (family: string) =>
  sql`(${isOnPlan(sql`plan_id`, family)} or ${isOnPlan(sql`pending_plan_id`, family)})`

/** Whether a plan exists and nothing refers to any version of it. */
export const isUnused = (family: string) => sql`exists (select 1 from plans p where ${isOnPlan(sql`p.id`, family)})
  and not exists (select 1 from organizations o where ${isOnPlan(sql`o.plan_id`, family)})
  and not exists (select 1 from subscriptions s where ${isBoughtOrPending(family)})`

export const deletePlanRows = (db: Database, family: string) =>
  db.delete(plans).where(isOnPlan(sql`${plans.id}`, family))

/** Whether a version is the newest of its plan. */
export const isNewest = (planId: string) =>
  sql`exists (select 1 from plans p where p.id = ${planId} and p.replaced_at is null)`

/** Whether somebody pays for a version, or will with the next period. */
export const hasSubscribers = (planId: string) => sql`exists (select 1 from subscriptions s
  where (s.plan_id = ${planId} or s.pending_plan_id = ${planId}) and s.ended_at is null)`
