import type * as z from 'zod'
import { forEachMeter, type Meter, NUMBER_METERS } from '../../db/schema/meters.ts'
import type { PlanLimits } from '../../db/schema/shapes.ts'
import { formatLimit } from '../../limits/meter-units.ts'
import type { PlanView } from './queries.ts'
import type { Plan } from './schemas.ts'

/** A plan as administrators see it. */
export function toPlan(row: PlanView): z.output<typeof Plan> {
  return {
    id: row.id,
    name: row.name,
    price_per_month_cents: row.pricePerMonthCents,
    limits: { ...row.limits, meters: formatLimits(row.limits) },
    features: row.features,
    is_public: row.isPublic,
    sort_order: row.sortOrder,
    overage: row.overage as z.output<typeof Plan>['overage'],
    polar_product_id: row.polarProductId,
    stripe_price_id: row.stripePriceId,
    organization_count: row.organizationCount,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}

function formatLimits({ meters }: PlanLimits) {
  const read = <M extends Meter>(meter: M) => {
    const known = meters[meter]
    return known && { ...known, limit: formatLimit(meter, known.limit) }
  }
  return { ...forEachMeter(NUMBER_METERS, read), cost_usd: read('cost_usd') }
}
