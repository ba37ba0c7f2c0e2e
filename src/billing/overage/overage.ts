import { isReservedName, toMeterName } from '../../db/schema/meter-names.ts'
import { billedPerOne, COUNTERS, type Counter, METERS } from '../../db/schema/meters.ts'
import type { OveragePrice, OverageTier } from '../../db/schema/shapes.ts'
import { toUnits } from '../../limits/meter-units.ts'
import { findPlanned } from '../../limits/quantities.ts'
import type { MeterReading } from '../../rpc-types.ts'
import type { Charged, OfferedPlan } from '../queries.ts'
import { price, readTiers, toCents, toUsd } from './money.ts'

type Readings = Readonly<Record<string, Pick<MeterReading<number | string>, 'overage'>>>

/**
 * The units above the limits right now, or already charged: after an upgrade within the period, more may be charged. What
 * calls cost is paid from credits by those who use them, and is no overage, except what the plan covers when none are left.
 *
 * @param covered US dollars that the plan covered in the period; null for an organization that uses no credits
 */
export function computeOverage(
  plan: OfferedPlan | undefined,
  readings: Readings,
  { charged, covered }: { readonly charged: readonly Charged[]; readonly covered: string | null },
) {
  const prices: Readonly<Record<string, OveragePrice | undefined>> = plan?.overage ?? {}
  const custom = [...Object.keys(prices), ...charged.map(({ meter }) => meter)].filter((name) => !isReservedName(name))
  const unpaid = covered === null ? Number.POSITIVE_INFINITY : toBilledUnits('cost_usd', covered)
  const found = [...METERS, ...new Set(custom)].flatMap((meter) => {
    const known = charged.find((one) => one.meter === meter)
    const tiers = prices[meter]?.tiers
    const over = plan && tiers ? aboveLimit(plan, meter, readings[meter]?.overage ?? 0) : 0
    const above = meter === 'cost_usd' ? Math.min(over, unpaid) : over
    return tiers || known ? [{ meter, ...larger(tiers ?? [], above, known) }] : []
  })
  const total = found.reduce((sum, { amount }) => sum + amount, 0n)
  const meters = found.map(({ meter, units, amount }) => [meter, { units, amount_usd: toUsd(amount) }] as const)
  return { meters: Object.fromEntries(meters), total_usd: toUsd(total), total_cents: Number(toCents(total)) }
}

function aboveLimit({ limits }: OfferedPlan, meter: string, overage: number | string): number {
  if (isReservedName(meter)) {
    const counter = meter as Counter
    return limits.meters[counter]?.at_limit === 'allow' ? toBilledUnits(counter, overage) : 0
  }
  return findPlanned({ limits }, toMeterName(meter))?.at_limit === 'allow' ? Math.floor(Number(overage)) : 0
}

/** Computed as in the job: a fraction of a unit is not charged. */
const toBilledUnits = (meter: Counter, amount: number | string) =>
  Math.floor(toUnits(meter, amount) / (COUNTERS[meter].unitsPerOne / billedPerOne(meter)))

function larger(tiers: readonly OverageTier[], above: number, known: Charged | undefined) {
  const now = price(readTiers(tiers), BigInt(above))
  const charged = BigInt(known?.amount ?? 0)
  return { units: Math.max(above, Number(known?.units ?? 0)), amount: now > charged ? now : charged }
}
