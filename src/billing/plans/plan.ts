import { toFamily } from '../../db/plan-version.ts'
import { isReservedName } from '../../db/schema/meter-names.ts'
import { forEachMeter, type Meter, MONEY_METERS, NUMBER_METERS } from '../../db/schema/meters.ts'
import type { MeterLimit, PlanLimits, PlanPrice } from '../../db/schema/shapes.ts'
import { describeNamedLimit } from '../../keys/limit-schemas.ts'
import { formatUsd } from '../../lib/usd.ts'
import { formatLimit } from '../../limits/meters/units.ts'
import type { PublicPlan } from './queries.ts'

/** A plan as customers see it. */
export function toCatalogPlan(plan: PublicPlan) {
  const { limits, seats, overage } = plan
  return {
    id: toFamily(plan.id),
    name: plan.name,
    prices: plan.prices.map(toCatalogPrice),
    trial_days: plan.trialDays,
    seats: seats && { included: seats.included, ...(seats.max !== undefined && { max: seats.max }) },
    addons: plan.addons.map(({ prices, ...addon }) => ({ ...addon, prices: prices.map(toCatalogPrice) })),
    rate_limit_per_minute: limits.rate_limit_per_minute,
    max_api_keys: limits.max_api_keys,
    max_concurrent: limits.max_concurrent ?? null,
    key_max_concurrent: limits.key_max_concurrent ?? null,
    key_limits: (limits.key_limits ?? []).map(describeNamedLimit),
    organization_limits: (limits.organization_limits ?? []).map(describeNamedLimit),
    meters: allMeters(limits),
    overage: Object.fromEntries(Object.entries(overage).map(([meter, { tiers }]) => [meter, [...tiers]])),
    features: plan.features,
    price_per_call_usd: plan.pricePerCallUsd && formatUsd(plan.pricePerCallUsd),
    included_credits_usd: plan.includedCreditsUsd && formatUsd(plan.includedCreditsUsd),
    rollover_max_usd: plan.rolloverMaxUsd && formatUsd(plan.rolloverMaxUsd),
    at_no_credits: plan.atNoCredits,
  }
}

/** A meter that a plan does not name has no limit. Customers need not know that rule. */
const UNLIMITED: MeterLimit = { limit: null, at_limit: 'allow' }

function allMeters({ meters }: PlanLimits) {
  const read = <M extends Meter>(meter: M) => {
    const { limit, at_limit } = meters[meter] ?? UNLIMITED
    return { limit: formatLimit(meter, limit), at_limit }
  }
  // those of custom meters, and nothing that an edited table may hold besides
  const custom = Object.entries(meters).filter(([slug]) => !isReservedName(slug))
  return { ...Object.fromEntries(custom), ...forEachMeter(NUMBER_METERS, read), ...forEachMeter(MONEY_METERS, read) }
}

/** A price without what only the operator needs to know. */
export const toCatalogPrice = ({ interval, currency, amount_cents, seat_amount_cents }: PlanPrice) => ({
  interval,
  currency,
  amount_cents,
  ...(seat_amount_cents !== undefined && { seat_amount_cents }),
})
