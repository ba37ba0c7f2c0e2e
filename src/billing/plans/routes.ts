import { apiRoute, newRouter } from '../../api/api-route.ts'
import { forEachMeter, type Meter, MONEY_METERS, NUMBER_METERS } from '../../db/schema/meters.ts'
import type { MeterLimit, PlanLimits } from '../../db/schema/shapes.ts'
import { formatLimit } from '../../limits/meter-units.ts'
import { listPublicPlans, type PublicPlan } from './queries.ts'
import { Catalogue } from './schemas.ts'

/** How stale a page of prices may be. */
const CACHE = 'public, max-age=60'

const catalogueRoute = apiRoute({
  allow: 'anyone',
  method: 'get',
  path: '/billing/plans',
  tag: 'Billing',
  operationId: 'listPublicPlans',
  summary: 'List plans',
  description: 'Public plans, in display order.',
  returns: { 200: Catalogue },
})

export const planRoutes = newRouter().openapi(catalogueRoute, async (c) => {
  const data = (await listPublicPlans(c.var.deps.db)).map(toCataloguePlan)
  c.header('Cache-Control', CACHE)
  return c.json({ data, next_cursor: null }, 200)
})

function toCataloguePlan({ id, name, pricePerMonthCents, limits, features, overage }: PublicPlan) {
  return {
    id,
    name,
    price_per_month_cents: pricePerMonthCents,
    currency: 'usd' as const,
    rate_limit_per_minute: limits.rate_limit_per_minute,
    max_api_keys: limits.max_api_keys,
    meters: allMeters(limits),
    overage: Object.fromEntries(Object.entries(overage).map(([meter, { tiers }]) => [meter, [...tiers]])),
    features,
  }
}

/** A meter that a plan does not name has no limit. Customers need not know that rule. */
const UNLIMITED: MeterLimit = { limit: null, at_limit: 'allow' }

function allMeters({ meters }: PlanLimits) {
  const read = <M extends Meter>(meter: M) => {
    const { limit, at_limit } = meters[meter] ?? UNLIMITED
    return { limit: formatLimit(meter, limit), at_limit }
  }
  return { ...forEachMeter(NUMBER_METERS, read), ...forEachMeter(MONEY_METERS, read) }
}
