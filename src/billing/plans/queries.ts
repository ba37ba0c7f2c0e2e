import { and, asc, eq, isNull } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { plans } from '../../db/schema/plans.ts'

export type PublicPlan = Awaited<ReturnType<typeof listPublicPlans>>[number]

/** The newest versions of the plans that customers may see, in the operator's order. */
export function listPublicPlans(db: Database) {
  const { id, name, prices, trialDays, seats, addons, limits, features, overage } = plans
  const { includedCreditsUsd, rolloverMaxUsd, atNoCredits, pricePerCallUsd } = plans
  return db
    .select({
      id,
      name,
      prices,
      trialDays,
      seats,
      addons,
      limits,
      features,
      overage,
      includedCreditsUsd,
      rolloverMaxUsd,
      atNoCredits,
      pricePerCallUsd,
    })
    .from(plans)
    .where(and(eq(plans.isPublic, true), isNull(plans.replacedAt)))
    .orderBy(asc(plans.sortOrder), asc(plans.id))
}
