import type * as z from 'zod'
import { forEachMeter, type Meter, MONEY_METERS, type MoneyMeter } from '../../db/schema/meters.ts'
import type { MeterLimit } from '../../db/schema/shapes.ts'
import { formatLimit } from '../../limits/meter-units.ts'
import type { PlanView } from './queries.ts'
import type { Plan } from './schemas.ts'

/** A plan as administrators see it. */
export function toPlan(row: PlanView): z.output<typeof Plan> {
  return {
    id: row.id,
    name: row.name,
    price_per_month_cents: row.pricePerMonthCents,
    limits: { ...row.limits, meters: formatMeters(row.limits.meters) },
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

type Meters = { readonly [M in Meter]?: MeterLimit | null | undefined }
type Formatted<Known extends Meters> = Omit<Known, MoneyMeter> & {
  readonly [M in MoneyMeter]?: { limit: string | null; at_limit: MeterLimit['at_limit'] } | Extract<Known[M], null>
}

/** Limits of a plan's meters, or changes of them, as they go over the wire. */
export function formatMeters<Known extends Meters>(meters: Known): Formatted<Known> {
  const own = MONEY_METERS.filter((meter) => meters[meter])
  const read = (meter: MoneyMeter) => {
    const { limit, at_limit } = meters[meter] as MeterLimit
    return { limit: formatLimit(meter, limit), at_limit }
  }
  return { ...meters, ...forEachMeter(own, read) }
}
