import type { BillingInfoUsageMeters, CatalogPlan, NamedLimit } from '../../api/types.ts'
import { formatMoney, formatName, formatNumber, formatUnitPrice } from '../../lib/format.ts'
import { describeLimit } from '../keys/limit-form.ts'
import { formatAmount, meterName, type OwnMeters } from '../usage/meters.ts'

/** How a fact of a plan compares with the same of the present plan. */
export type Difference = 'more' | 'less' | 'other' | 'same'

export interface PlanFact {
  /** A meter's slug, or what else the plan has. Unlike the name no two facts share it. */
  readonly id: string
  readonly name: string
  readonly value: string
  /** What follows above a limit. */
  readonly note?: string | undefined
  readonly difference: Difference
}

/** A fact with a number by which plans compare; without one they only differ. */
interface Measured {
  readonly id: string
  readonly name: string
  readonly value: string
  readonly note?: string | undefined
  readonly size: number | undefined
}

const METERS: ReadonlySet<string> = new Set(['api_calls', 'queries', 'tokens', 'cost_usd', 'concepts', 'storage_gb'])

/** The built-in meters in their order, and then those that the operator defined. */
const listMeters = ({ meters }: CatalogPlan) => [
  ...METERS,
  ...Object.keys(meters).filter((meter) => !METERS.has(meter)),
]

/** What a plan has, each with the difference to the present one. */
export function comparePlans(plan: CatalogPlan, present: CatalogPlan | undefined, own: OwnMeters): PlanFact[] {
  const before = new Map((present ? measure(present, own) : []).map((fact) => [fact.id, fact]))
  return measure(plan, own).map((fact) => ({
    id: fact.id,
    name: fact.name,
    value: fact.value,
    note: fact.note,
    difference: present && present.id !== plan.id ? differ(fact, before.get(fact.id)) : 'same',
  }))
}

function differ(fact: Measured, before: Measured | undefined): Difference {
  if (before?.value === fact.value && before.note === fact.note) return 'same'
  if (fact.size === undefined || (before && before.size === undefined)) return 'other'
  const size = before?.size ?? 0
  if (fact.size === size) return 'other'
  return fact.size > size ? 'more' : 'less'
}

function measure(plan: CatalogPlan, own: OwnMeters): Measured[] {
  return [
    ...listMeters(plan)
      .filter((meter) => meter !== 'cost_usd' || plan.meters.cost_usd.limit !== null)
      .map((meter) => meterFact(plan, meter, own)),
    {
      id: '.rate_limit',
      name: 'Requests per minute, per key',
      value: formatNumber(plan.rate_limit_per_minute),
      size: plan.rate_limit_per_minute,
    },
    { id: '.api_keys', name: 'API keys', value: formatNumber(plan.max_api_keys), size: plan.max_api_keys },
    ...(plan.included_credits_usd === null ? [] : [creditsFact(plan.included_credits_usd, plan.rollover_max_usd)]),
    ...noCreditsFact(plan),
    ...plan.key_limits.map((limit) => keyLimitFact(limit, own)),
    ...plan.organization_limits.map((limit) => organizationLimitFact(limit, own)),
    ...concurrencyFact('.concurrent', 'Concurrent reservations', plan.max_concurrent),
    ...concurrencyFact('.key_concurrent', 'Concurrent reservations per key', plan.key_max_concurrent),
    ...(plan.price_per_call_usd === null ? [] : [callFact(plan.price_per_call_usd)]),
    ...(plan.seats ? [seatsFact(plan.seats)] : []),
    ...Object.entries(plan.features).map(([name, value]) => featureFact(name, value)),
  ]
}

function creditsFact(amount: string, rollover: string | null): Measured {
  const note = rollover === null ? undefined : `up to ${formatMoney(rollover)} rolls over`
  return { id: '.credits', name: 'Credits per period', value: formatMoney(amount), note, size: Number(amount) }
}

/** Of no interest where there are no credits, and nothing else is said of them. */
const noCreditsFact = ({ at_no_credits, included_credits_usd }: CatalogPlan): Measured[] =>
  at_no_credits === 'block' && included_credits_usd === null
    ? []
    : [
        {
          id: '.no_credits',
          name: 'Without credits',
          value: at_no_credits === 'allow' ? 'Calls continue' : 'Calls are refused',
          size: undefined,
        },
      ]

/** The span is in the value, so that two of the same amount in other spans are told apart. */
const keyLimitFact = (limit: NamedLimit, own: OwnMeters): Measured => ({
  id: `.key_limit.${limit.name}`,
  name: `Each key: ${formatName(limit.name)}`,
  value: describeLimit(limit, own),
  size: undefined,
})

const organizationLimitFact = (limit: NamedLimit, own: OwnMeters): Measured => ({
  id: `.organization_limit.${limit.name}`,
  name: `All keys together: ${formatName(limit.name)}`,
  value: describeLimit(limit, own),
  size: undefined,
})

/** A plan without it has no limit, so that a number is no gain over none: it only differs. */
const concurrencyFact = (id: string, name: string, most: number | null): Measured[] =>
  most === null ? [] : [{ id, name, value: formatNumber(most), size: undefined }]

/** Whether a price is better or worse is not marked: it is part of what a plan costs. */
const callFact = (price: string): Measured => ({
  id: '.call',
  name: 'Each call',
  value: formatUnitPrice(price),
  size: undefined,
})

function seatsFact({ included, max }: NonNullable<CatalogPlan['seats']>): Measured {
  const note = max === undefined || max > included ? 'more can be bought' : undefined
  return { id: '.seats', name: 'Seats', value: formatNumber(included), note, size: included }
}

function meterFact(plan: CatalogPlan, meter: string, own: OwnMeters): Measured {
  const { limit, at_limit } = plan.meters[meter] ?? { limit: null, at_limit: 'block' }
  const named = { id: meter, name: meterName(meter, own) }
  if (limit === null) return { ...named, value: 'No limit', size: Number.POSITIVE_INFINITY }
  const price = plan.overage[meter]?.[0]?.unit_price_usd
  const value = formatAmount(meter, limit, own[meter]?.unit)
  if (at_limit === 'block') return { ...named, value, size: Number(limit) }
  return { ...named, value, note: price ? `then ${overagePrice(price)}` : 'then continues', size: Number(limit) }
}

/** A price of many units, since that of one is too small to read. */
const overagePrice = (unit: string) => `${formatUnitPrice(Number(unit) * 10_000)} per 10,000`

function featureFact(name: string, value: number | boolean | string): Measured {
  const text =
    typeof value === 'boolean' ? (value ? 'Yes' : 'No') : typeof value === 'number' ? formatNumber(value) : value
  const size = typeof value === 'string' ? undefined : Number(value)
  return { id: `.feature.${name}`, name: formatName(name), value: text, size }
}

/** The meters whose use is above what a plan would allow, with that use. */
export function exceededBy(plan: CatalogPlan, meters: BillingInfoUsageMeters) {
  return listMeters(plan).flatMap((meter) => {
    const limited = plan.meters[meter]
    const used = meters[meter]?.used ?? 0
    const isRefused = limited?.at_limit === 'block' && limited.limit !== null && Number(used) >= Number(limited.limit)
    return isRefused ? [{ meter, used }] : []
  })
}
