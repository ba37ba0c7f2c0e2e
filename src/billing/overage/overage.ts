import { type Counter, METERS } from '../../db/schema/meters.ts'
import type { OverageTier } from '../../db/schema/shapes.ts'
import { toUnits } from '../../limits/meter-units.ts'
import type { MeterReading } from '../../rpc-types.ts'
import type { Charged, OfferedPlan } from '../queries.ts'
import { price, readTiers, toCents, toUsd } from './money.ts'

type Readings = Readonly<Record<Counter, MeterReading<number | string>>>

/**
 * The units above the limits right now, or already charged: after an upgrade within the period, more may be charged.
 */
export function computeOverage(plan: OfferedPlan | undefined, readings: Readings, charged: readonly Charged[]) {
  const found = METERS.flatMap((meter) => {
    const known = charged.find((one) => one.meter === meter)
    const tiers = plan?.overage[meter]?.tiers
    const above = plan && tiers ? aboveLimit(plan, meter, readings[meter].overage) : 0
    return tiers || known ? [{ meter, ...larger(tiers ?? [], above, known) }] : []
  })
  const total = found.reduce((sum, { amount }) => sum + amount, 0n)
  const meters = found.map(({ meter, units, amount }) => [meter, { units, amount_usd: toUsd(amount) }] as const)
  return { meters: Object.fromEntries(meters), total_usd: toUsd(total), total_cents: Number(toCents(total)) }
}

const aboveLimit = ({ limits }: OfferedPlan, meter: Counter, overage: number | string) =>
  limits.meters[meter]?.at_limit === 'allow' ? toUnits(meter, overage) : 0

function larger(tiers: readonly OverageTier[], above: number, known: Charged | undefined) {
  const now = price(readTiers(tiers), BigInt(above))
  const charged = BigInt(known?.amount ?? 0)
  return { units: Math.max(above, Number(known?.units ?? 0)), amount: now > charged ? now : charged }
}
