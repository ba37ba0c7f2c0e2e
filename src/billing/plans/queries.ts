import { asc, eq } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { plans } from '../../db/schema/plans.ts'

export type PublicPlan = Awaited<ReturnType<typeof listPublicPlans>>[number]

/** The plans that customers may see, in the operator's order. */
export function listPublicPlans(db: Database) {
  const { id, name, pricePerMonthCents, limits, features, overage } = plans
  return db
    .select({ id, name, pricePerMonthCents, limits, features, overage })
    .from(plans)
    .where(eq(plans.isPublic, true))
    .orderBy(asc(plans.sortOrder), asc(plans.id))
}
