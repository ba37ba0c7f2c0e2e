import { isReservedName } from '../../db/schema/meter-names.ts'
import { billedPerOne, COUNTERS, type Counter, METERS } from '../../db/schema/meters.ts'
import type { OverageTier } from '../../db/schema/shapes.ts'
import { toUnits } from '../../limits/meters/units.ts'
import type { MeterReading } from '../../rpc-types.ts'
import type { Charged, MeterTerms, OfferedPlan } from '../queries.ts'
import { price, readTiers, toCents, toUsd } from './money.ts'

type Readings = Readonly<Record<string, Pick<MeterReading<number | string>, 'used'>>>

interface PeriodTerms {
  /** By what the period is charged, by meter. */
  readonly terms: readonly MeterTerms[]
  readonly charged: readonly Charged[]
  /** US dollars that the plan covered in the period; null for an organization that uses no credits. */
  readonly covered: string | null
}

/**
 * The units above the limits right now, or already charged: after an upgrade within the period, more may be charged. What
 * calls cost is paid from credits by those who use them, and is no overage, except what the plan covers when none are left.
 */
export function computeOverage(
  plan: OfferedPlan | undefined,
  readings: Readings,
  { terms, charged, covered }: PeriodTerms,
) {
  const names = [...Object.keys(plan?.overage ?? {}), ...terms.map(({ meter }) => meter)]
  const listed = new Set([...names, ...charged.map(({ meter }) => meter)])
  const custom = [...listed].filter((name) => !isReservedName(name))
  const unpaid = covered === null ? Number.POSITIVE_INFINITY : toBilledUnits('cost_usd', covered)
  const found = [...METERS.filter((meter) => listed.has(meter)), ...custom].map((meter) => {
    const { included = 0, tiers = [] } = terms.find((one) => one.meter === meter) ?? {}
    const over = Math.max(0, toBilledUnits(meter, readings[meter]?.used ?? 0) - included)
    const above = meter === 'cost_usd' ? Math.min(over, unpaid) : over
    const known = charged.find((one) => one.meter === meter)
    return [meter, larger(tiers, tiers.length > 0 ? above : 0, known)] as const
  })
  const total = found.reduce((sum, [, { amount }]) => sum + amount, 0n)
  const meters = found.map(([meter, { units, amount }]) => [meter, { units, amount_usd: toUsd(amount) }] as const)
  return { meters: Object.fromEntries(meters), total_usd: toUsd(total), total_cents: Number(toCents(total)) }
}

/** Computed as in the job: a fraction of a unit is not charged. */
function toBilledUnits(meter: string, amount: number | string): number {
  if (!isReservedName(meter)) return Math.floor(Number(amount))
  const counter = meter as Counter
  return Math.floor(toUnits(counter, amount) / (COUNTERS[counter].unitsPerOne / billedPerOne(counter)))
}

function larger(tiers: readonly OverageTier[], above: number, known: Charged | undefined) {
  const now = price(readTiers(tiers), BigInt(above))
  const charged = BigInt(known?.amount ?? 0)
  return { units: Math.max(above, Number(known?.units ?? 0)), amount: now > charged ? now : charged }
}
