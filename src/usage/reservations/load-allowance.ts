/** Loads what a reservation needs of an organization's meters: limits, use, and the custom meters that it names. */
import { type CustomMeterName, isCustom, type MeterName, toMeterName, toSlug } from '../../db/schema/meter-names.ts'
import { GAUGES, type Gauge, METERS, type Meter } from '../../db/schema/meters.ts'
import type { Deps } from '../../deps.ts'
import { type Allowance, findAllowance, reloadAllowance } from '../../limits/allowance.ts'
import { applySpendCap } from '../../limits/credits/spend-cap.ts'
import type { MeterRequest } from '../../limits/limit-request.ts'
import { type CustomMeters, quantityProblem } from '../../limits/meters/custom.ts'
import { findPlanned, readQuantities, toScaledUnits } from '../../limits/meters/quantities.ts'
import { toUnits } from '../../limits/meters/units.ts'
import { type OrganizationUse, selectLimit } from '../../limits/quotas.ts'

export type Amounts = ReadonlyMap<MeterName, number>

interface AmountsToRead {
  readonly quantities: Readonly<Record<string, number>>
  /** Whether to load past the cache. */
  readonly isFresh: boolean
}

/**
 * The organization's limits and use, with the amounts of custom meters in whole units. Bypasses the cache if a gauge
 * is named, or a meter that may have been defined since.
 *
 * @throws Problem `invalid_request` that names the quantity
 */
export async function loadAllowance(
  deps: Deps,
  organizationId: string,
  { quantities, isFresh }: AmountsToRead,
): Promise<LoadedAllowance> {
  const allowance = await (isFresh ? reloadAllowance : findAllowance)(deps, organizationId)
  const { custom } = allowance.use
  const read = readQuantities(quantities, custom)
  if ('slug' in read) {
    if (!read.isUnknown || isFresh) throw quantityProblem(read)
    return loadFresh()
  }
  const hasGauge = read.some(([meter]) => custom[toSlug(meter)]?.kind === 'gauge')
  return hasGauge && !isFresh ? loadFresh() : { allowance, quantities: read, isFresh }

  function loadFresh(): Promise<LoadedAllowance> {
    return loadAllowance(deps, organizationId, { quantities, isFresh: true })
  }
}

interface LoadedAllowance {
  readonly allowance: Allowance
  readonly quantities: readonly (readonly [MeterName, number])[]
  readonly isFresh: boolean
}

/** What to hold of a meter. A limit that allows more counts as none. */
export function toMeterRequest(use: OrganizationUse, meter: MeterName, amount: number): MeterRequest {
  const planned = findPlanned(use, meter)?.at_limit === 'allow' ? null : selectLimit(use, meter)
  if (!isCustom(meter)) {
    const units = planned === null ? null : toUnits(meter, planned)
    return {
      meter,
      amount,
      ...applySpendCap(meter, units, use.spendCap, use.custom),
      ...(GUARDED.includes(meter) && { needsRoom: true }),
      ...(GAUGES.includes(meter as Gauge) && { isGauge: true }),
    }
  }
  const { scale = 0, kind } = use.custom[toSlug(meter)] ?? {}
  return {
    meter,
    scale,
    amount,
    isGauge: kind === 'gauge',
    limit: planned === null ? null : toScaledUnits(planned, scale),
  }
}

/** Meters that grow by reported use, not by verifications, so a hold requires that something of them is left. */
const GUARDED: readonly Meter[] = METERS.filter((meter) => meter !== 'api_calls')

/**
 * Meters of which nothing is held, but which refuse once they are used up: as with verifications, an organization that has
 * no tokens left, or reached its spend cap, begins nothing new.
 */
export const listGuards = (use: OrganizationUse, amounts: Amounts): MeterRequest[] =>
  GUARDED.filter((meter) => !amounts.has(meter))
    .map((meter) => Object.assign(toMeterRequest(use, meter, 0), { isGuard: true }))
    .filter(({ limit }) => limit !== null)

/** Latest readings of the requested custom gauges. */
export function readCustomGauges(custom: CustomMeters, amounts: Amounts): Record<CustomMeterName, number> {
  const asked = Object.entries(custom).filter(([slug, { kind }]) => kind === 'gauge' && amounts.has(toMeterName(slug)))
  return Object.fromEntries(asked.map(([slug, { units }]) => [toMeterName(slug), units]))
}
