import { asc, eq, type SQL, sql } from 'drizzle-orm'
import type * as z from 'zod'
import { isPlan } from '../../db/conditions.ts'
import type { Database } from '../../db/orm.ts'
import { plans } from '../../db/schema/plans.ts'
import type { PlanLimits, PlanOverage } from '../../db/schema/shapes.ts'
import type { NewPlan, PlanChanges } from './schemas.ts'

const viewColumns = {
  id: plans.id,
  name: plans.name,
  pricePerMonthCents: plans.pricePerMonthCents,
  limits: plans.limits,
  features: plans.features,
  isPublic: plans.isPublic,
  sortOrder: plans.sortOrder,
  overage: plans.overage,
  polarProductId: plans.polarProductId,
  stripePriceId: plans.stripePriceId,
  createdAt: plans.createdAt,
  updatedAt: plans.updatedAt,
  organizationCount: sql<number>`(select count(*)::int from organizations o where o.plan_id = plans.id)`,
}

export type PlanView = NonNullable<Awaited<ReturnType<typeof findPlan>>>

export async function findPlan(db: Database, planId: string) {
  const [row] = await db.select(viewColumns).from(plans).where(eq(plans.id, planId))
  return row
}

/** All of them, in the order of the catalogue. An operator has a dozen. */
export function listPlans(db: Database) {
  return db.select(viewColumns).from(plans).orderBy(asc(plans.sortOrder), asc(plans.id))
}

/** A new plan's row. */
export function toPlanRow(plan: z.output<typeof NewPlan>, createdAt: Date) {
  return {
    id: plan.id,
    name: plan.name,
    pricePerMonthCents: plan.price_per_month_cents,
    limits: plan.limits as PlanLimits,
    features: plan.features,
    overage: plan.overage as PlanOverage,
    isPublic: plan.is_public,
    sortOrder: plan.sort_order,
    polarProductId: plan.polar_product_id,
    stripePriceId: plan.stripe_price_id,
    createdAt,
    updatedAt: createdAt,
  }
}

/** Breaks `plans_pkey` where there is one of that id. */
export const insertPlan = (db: Database, row: ReturnType<typeof toPlanRow>) => db.insert(plans).values(row)

/** Merges changes into a plan, in the database: of two at once neither undoes the other. */
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

/** What a plan is to have of the fields that the state of its organizations shows. */
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

/** Not with `jsonb_strip_nulls`: it would strip the `null` inside a meter that stands for no limit. */
function mergeJson(known: ReturnType<typeof sql>, changes: Readonly<Record<string, unknown>>) {
  const entries = Object.entries(changes)
  const set = Object.fromEntries(entries.filter(([, value]) => value !== null))
  const removed = entries.flatMap(([name, value]) => (value === null ? [name] : []))
  return sql`((${known}) || ${JSON.stringify(set)}::jsonb) - array(select jsonb_array_elements_text(${JSON.stringify(removed)}::jsonb))`
}

type Descriptive = Omit<z.output<typeof PlanChanges>, 'limits' | 'features' | 'overage'>

/** Drizzle leaves out what is undefined. */
function toColumns(fields: Descriptive) {
  return {
    name: fields.name,
    pricePerMonthCents: fields.price_per_month_cents,
    isPublic: fields.is_public,
    sortOrder: fields.sort_order,
    polarProductId: fields.polar_product_id,
    stripePriceId: fields.stripe_price_id,
  }
}

/**
 * Raises the versions of a plan's organizations that were active last, as many as are to be announced: what isolates
 * remember of them is outdated once this is committed. More would do nothing but hold the others' rows: what is not
 * announced is checked again when it has been remembered for long enough. The rows are locked in the order of their ids,
 * so that two such statements do not wait for each other in a circle.
 *
 * @returns those organizations, the most active first, with their new versions
 */
export function raiseOrganizations(db: Database, planId: string, most: number) {
  return db.execute<{ id: string; version: number }>(sql`
    with used as (
      select organization_id, max(updated_at) as at from usage_periods where updated_at > now() - interval '1 day'
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
 * Organizations on a plan whose state is another after these changes, at most so many: none where the plan already has
 * what the state shows of it. Asked before the plan is changed, under its lock.
 */
export function selectAffected(planId: string, changes: z.output<typeof PlanChanges>, most: number): SQL {
  const { limits = plans.limits, features = plans.features } = mergeStateFields(changes)
  const isOther = sql`exists (select from ${plans} where ${plans.id} = ${planId}
    and (${plans.name}, ${plans.limits}, ${plans.features})
      is distinct from (${changes.name ?? plans.name}, ${limits}, ${features}))`
  return sql`select id from organizations where plan_id = ${planId} and ${isOther} order by id limit ${most}`
}

/** How much refers to a plan: organizations that are on it, and subscriptions, past ones too. */
export async function countUses(
  db: Database,
  planId: string,
): Promise<{ organizations: number; subscriptions: number }> {
  const { rows } = await db.execute<{ organizations: number; subscriptions: number }>(sql`
    select (select count(*)::int from organizations where plan_id = ${planId}) as organizations,
      (select count(*)::int from subscriptions where plan_id = ${planId} or pending_plan_id = ${planId}) as subscriptions`)
  return rows[0] ?? { organizations: 0, subscriptions: 0 }
}

/** Whether nothing refers to a plan that there is. */
export const isUnused = (planId: string) => sql`${isPlan(planId)}
  and not exists (select 1 from organizations o where o.plan_id = ${planId})
  and not exists (select 1 from subscriptions s where s.plan_id = ${planId} or s.pending_plan_id = ${planId})`

export const deletePlanRow = (db: Database, planId: string) => db.delete(plans).where(eq(plans.id, planId))
