import type * as z from 'zod'
import { toFamily, toVersion } from '../../db/plan-version.ts'
import { forEachMeter, type Meter, MONEY_METERS, type MoneyMeter } from '../../db/schema/meters.ts'
import type { MeterLimit, PlanLimits } from '../../db/schema/shapes.ts'
import { describeNamedLimit } from '../../keys/limit-schemas.ts'
import { formatUsd } from '../../lib/usd.ts'
import { formatLimit } from '../../limits/meters/units.ts'
import type { PlanView } from './queries.ts'
import type { Plan } from './schemas.ts'

/** Serializes a plan for administrators. */
export function toPlan(row: PlanView): z.output<typeof Plan> {
  return {
    id: toFamily(row.id),
    version: toVersion(row.id),
    replaced_at: row.replacedAt?.toISOString() ?? null,
    name: row.name,
    prices: [...row.prices],
    trial_days: row.trialDays,
    seats: row.seats,
    addons: row.addons as z.output<typeof Plan>['addons'],
    limits: formatLimits(row.limits),
    features: row.features,
    markup_percent: row.markupPercent,
    price_per_call_usd: row.pricePerCallUsd && formatUsd(row.pricePerCallUsd),
    is_public: row.isPublic,
    sort_order: row.sortOrder,
    overage: row.overage as z.output<typeof Plan>['overage'],
    included_credits_usd: row.includedCreditsUsd && formatUsd(row.includedCreditsUsd),
    rollover_max_usd: row.rolloverMaxUsd && formatUsd(row.rolloverMaxUsd),
    at_no_credits: row.atNoCredits,
    organization_count: row.organizationCount,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}

/** Serializes a plan's limits. */
function formatLimits({
  key_limits,
  organization_limits,
  meters,
  ...limits
}: PlanLimits): z.output<typeof Plan>['limits'] {
  return {
    ...limits,
    meters: formatMeters(meters),
    ...(key_limits && { key_limits: key_limits.map(describeNamedLimit) }),
    ...(organization_limits && { organization_limits: organization_limits.map(describeNamedLimit) }),
  }
}

type Meters = { readonly [M in Meter]?: MeterLimit | null | undefined }
type Formatted<Known extends Meters> = Omit<Known, MoneyMeter> & {
  readonly [M in MoneyMeter]?: { limit: string | null; at_limit: MeterLimit['at_limit'] } | Extract<Known[M], null>
}

/** Serializes the limits of a plan's meters, or changes to them. */
export function formatMeters<Known extends Meters>(meters: Known): Formatted<Known> {
  const own = MONEY_METERS.filter((meter) => meters[meter])
  const read = (meter: MoneyMeter) => {
    const { limit, at_limit } = meters[meter] as MeterLimit
    return { limit: formatLimit(meter, limit), at_limit }
  }
  return { ...meters, ...forEachMeter(own, read) }
}
