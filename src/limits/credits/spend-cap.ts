/** An organization's own cap on what a usage period costs: its charges, and the overage that its plan prices. */
import { overageTerms } from '../../db/overage-terms.ts'
import { type MeterName, toMeterName, toSlug } from '../../db/schema/meter-names.ts'
import { isBuiltIn, type Meter } from '../../db/schema/meters.ts'
import type { OverageTier } from '../../db/schema/shapes.ts'
import type { MeterState } from '../limit-request.ts'
import type { CustomMeters } from '../meters/custom.ts'
import { toUnits } from '../meters/units.ts'

/** The name in refusals by an organization's own cap. */
const SPEND_CAP = 'spend_cap'

/** What is owed for use above the limit of a meter. Charges are no part of it: they count by themselves. */
interface PricedMeter {
  readonly meter: MeterName
  /** Units that make up one where overage is billed. A fraction costs nothing. */
  readonly per: number
  /** Billed units before the overage begins. */
  readonly included: number
  /** Graduated, ascending: the last unit, or -1 for all others, and the nano-dollars of one. */
  readonly tiers: readonly (readonly [upTo: number, nanoUsd: number])[]
  /** Nano-dollars that are in the ledger already: after an upgrade within the period, more than the tiers say. */
  readonly charged: number
}

/** A cap that refuses, in nano-dollars, with what counts towards it beside charges. */
export interface Spend {
  readonly cap: number
  readonly priced: readonly PricedMeter[]
  /** The most that one call may cost by its overage: what a lease reckons with. */
  readonly perCall: number
}

/** A limit of a meter, in whole units. `null` means no limit. */
export interface Capped {
  readonly limit: number | null
  /** The name in refusals, if not the meter. */
  readonly refusedBy?: typeof SPEND_CAP | undefined
  /** Absent without a cap, or where nothing but charges counts towards it. */
  readonly spend?: Spend | undefined
}

interface OverageTerms {
  readonly included: number
  readonly tiers: readonly OverageTier[]
}

/** A cap as it is selected: see {@link selectSpendCap}. */
export interface SpendCapRow {
  readonly cost_usd: string
  /** By what use above limits is charged in the period, by meter: see db/overage-terms.ts. */
  readonly terms: Readonly<Record<string, OverageTerms | undefined>> | null
  /** Micro-dollars of the period by meter. */
  readonly charged: Readonly<Record<string, string>> | null
}

/**
 * SQL of a cap that refuses, of an organization `o` on a plan `p`; null without one.
 *
 * @param periodStart SQL of the period's start
 */
export const selectSpendCap = (periodStart: string) => `
  (select jsonb_build_object('cost_usd', c.cost_usd::text, 'terms', (
    select jsonb_object_agg(one.meter, jsonb_build_object('included', one.included, 'tiers', one.tiers))
    from (${overageTerms(periodStart)}) one), 'charged', (
    select jsonb_object_agg(l.meter, l.amount::text) from (
      select meter, sum(amount_micro_usd) as amount from billing_usage_ledger
      where organization_id = o.id and period_start = ${periodStart} group by meter) l))
  from spend_caps c where c.organization_id = o.id and c.action = 'block')`

/**
 * The limit at which charges are refused: the plan's, or the cap that the organization set itself if that is lower.
 *
 * @param limit the plan's, if it refuses requests
 * @param row absent without a cap that refuses
 */
export function applySpendCap(
  meter: Meter,
  limit: number | null,
  row: SpendCapRow | null,
  custom: CustomMeters,
): Capped {
  if (meter !== 'cost_usd' || row === null) return { limit }
  const cap = toUnits(meter, row.cost_usd)
  const priced = listPriced(row, custom)
  const spend = priced.length > 0 && { spend: { cap, priced, perCall: dearestCall(priced) } }
  return limit !== null && limit <= cap ? { limit, ...spend } : { limit: cap, refusedBy: SPEND_CAP, ...spend }
}

/** Overage of charges is none here: the charges count whole. What cannot be read counts for nothing, as it is not billed. */
function listPriced({ terms, charged }: SpendCapRow, custom: CustomMeters): PricedMeter[] {
  const names = new Set([...Object.keys(terms ?? {}), ...Object.keys(charged ?? {})])
  names.delete('cost_usd')
  return [...names].flatMap((name) => {
    const known = Math.ceil(Number(charged?.[name] ?? 0) * NANO_PER_MICRO)
    const read = readTerms(name, terms?.[name], custom)
    if (!read && known === 0) return []
    return [Object.assign({ meter: toName(name), charged: known }, read ?? UNPRICED)]
  })
}

/** What is in the ledger alone. */
const UNPRICED = { per: 1, included: 0, tiers: [] } as const
const NANO_PER_MICRO = 1_000
const NANO_PER_USD = 1e9

function readTerms(name: string, terms: OverageTerms | undefined, custom: CustomMeters) {
  const scale = isBuiltIn(name) ? 0 : custom[name]?.scale
  const tiers = readTiers(terms)
  return terms && tiers && scale !== undefined ? { per: 10 ** scale, included: terms.included, tiers } : undefined
}

const toName = (name: string): MeterName => (isBuiltIn(name) ? name : toMeterName(name))

/** @returns undefined for prices that somebody made unreadable by hand */
function readTiers(terms: OverageTerms | undefined): PricedMeter['tiers'] | undefined {
  const tiers = terms?.tiers.map((tier) => [tier.up_to ?? -1, Number(tier.unit_price_usd) * NANO_PER_USD] as const)
  return tiers?.every((tier) => tier.every(Number.isFinite)) ? tiers : undefined
}

function dearestCall(priced: readonly PricedMeter[]): number {
  const tiers = priced.find(({ meter }) => meter === 'api_calls')?.tiers ?? []
  return Math.max(0, ...tiers.map(([, nanoUsd]) => nanoUsd))
}

/** The same as `overageOf` in Lua (limits/scripts/quota.ts). @param unitsOf used units of a meter */
export function sumOverage({ priced }: Spend, unitsOf: (meter: MeterName) => number): number {
  return priced.reduce((sum, { meter, per, included, tiers, charged }) => {
    const units = Math.floor(unitsOf(meter) / per) - included
    let [from, amount] = [0, 0]
    for (const [upTo, nanoUsd] of tiers) {
      const to = upTo < 0 ? units : Math.min(upTo, units)
      amount += Math.max(0, to - from) * nanoUsd
      from = Math.max(from, to)
    }
    return sum + Math.max(charged, Math.floor(amount + 0.5))
  }, 0)
}

/** A cap in a period that has begun since: nothing of it is in the ledger yet. */
export const resetCharges = (spend: Spend): Spend => ({
  ...spend,
  priced: spend.priced.map((one) => Object.assign({}, one, { charged: 0 })),
})

type CappedMeter = Capped & { readonly meter: MeterName }

/** Who refused: the cap also where the plan's own limit is lower, but has room. */
export function nameRefusal({ meter, limit, refusedBy, spend }: CappedMeter, state: MeterState | undefined): string {
  const hasRoom = limit !== null && state !== undefined && state.used + state.held < limit
  return refusedBy ?? (spend && hasRoom ? SPEND_CAP : toSlug(meter))
}

/**
 * What a cap refused, in nano-dollars; undefined if something else did.
 *
 * @param charge what the request takes by itself
 */
export function describeCapRefusal(meter: CappedMeter | undefined, state: MeterState | undefined, charge: number) {
  if (!meter || meter.limit === null || nameRefusal(meter, state) !== SPEND_CAP) return undefined
  const { now, after } = state?.overage ?? { now: 0, after: 0 }
  return { limit: meter.spend?.cap ?? meter.limit, used: (state?.used ?? 0) + now, needed: charge + after - now }
}
