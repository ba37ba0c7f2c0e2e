import type { CreatePlanRequest, OveragePrice, Plan } from '../../api/types.ts'
import { readTypedDecimal, readTypedNumber } from '../../lib/typed-number.ts'
import { type LimitForm, toLimit, toLimitForm } from '../keys/limit-form.ts'
import { readFeatures, writeFeatures } from './feature-lines.ts'
import { readOverage, writeOverage } from './overage-lines.ts'
import { lines, readAddons, readPrice, readSeats, writeAddons, writePrice, writeSeats } from './price-lines.ts'

export const METERS = ['api_calls', 'queries', 'tokens', 'cost_usd', 'concepts', 'storage_gb'] as const
/** Meters whose use above the limit can be charged. */
export const CHARGED = ['api_calls', 'queries', 'tokens', 'cost_usd'] as const

/** What the form holds: text, as it is typed. */
export interface PlanForm {
  readonly id: string
  readonly name: string
  /** One price a line, see price-lines.ts. */
  readonly prices: string
  readonly trial: string
  /** Percent. */
  readonly markup: string
  /** US dollars of one call; empty for no price. */
  readonly callPrice: string
  /** US dollars that each period begins with, and of which so many stay; empty for none. */
  readonly credits: string
  readonly rollover: string
  /** What happens to calls when no credits are left. */
  readonly atNoCredits: Plan['at_no_credits']
  readonly seats: string
  readonly addons: string
  readonly rate: string
  /** Of every key, beside its own. */
  readonly keyLimits: readonly LimitForm[]
  /** In which all keys of an organization count together. */
  readonly organizationLimits: readonly LimitForm[]
  /** Reservations at once of a key, and of the organization; empty for any number. */
  readonly keyConcurrent: string
  readonly concurrent: string
  readonly keys: string
  readonly order: string
  readonly isPublic: boolean
  /** By meter, like the two below; your own meters by slug. One that is absent is empty. */
  readonly limits: Readonly<Record<string, string>>
  readonly atLimit: Readonly<Record<string, 'block' | 'allow'>>
  /** Prices above the limits, see overage-lines.ts. */
  readonly tiers: Readonly<Record<string, string>>
  /** One feature a line, see feature-lines.ts. */
  readonly features: string
}

const each = <Value>(names: Iterable<string>, value: (name: string) => Value): Record<string, Value> =>
  Object.fromEntries([...names].map((name) => [name, value(name)]))

/** The built-in ones, and then others. */
const withOthers = (builtIn: readonly string[], others: object) => new Set([...builtIn, ...Object.keys(others)])

export const NEW_PLAN: PlanForm = {
  id: '',
  name: '',
  prices: 'month usd 0.00',
  trial: '0',
  markup: '0',
  callPrice: '',
  credits: '',
  rollover: '',
  atNoCredits: 'block',
  seats: '',
  addons: '',
  rate: '60',
  keyLimits: [],
  organizationLimits: [],
  keyConcurrent: '',
  concurrent: '',
  keys: '10',
  order: '0',
  isPublic: false,
  limits: each(METERS, () => ''),
  atLimit: each(METERS, () => 'block' as const),
  tiers: each(CHARGED, () => ''),
  features: '',
}

export const toPlanForm = (plan: Plan): PlanForm => ({
  id: plan.id,
  name: plan.name,
  prices: plan.prices.map(writePrice).join('\n'),
  trial: String(plan.trial_days),
  markup: String(plan.markup_percent),
  callPrice: toDollars(plan.price_per_call_usd),
  credits: toDollars(plan.included_credits_usd),
  rollover: toDollars(plan.rollover_max_usd),
  atNoCredits: plan.at_no_credits,
  seats: writeSeats(plan.seats),
  addons: writeAddons(plan.addons),
  rate: String(plan.limits.rate_limit_per_minute),
  keyLimits: (plan.limits.key_limits ?? []).map(toLimitForm),
  organizationLimits: (plan.limits.organization_limits ?? []).map(toLimitForm),
  keyConcurrent: plan.limits.key_max_concurrent?.toString() ?? '',
  concurrent: plan.limits.max_concurrent?.toString() ?? '',
  keys: String(plan.limits.max_api_keys),
  order: String(plan.sort_order),
  isPublic: plan.is_public,
  limits: each(metersOf(plan), (meter) => toTypedLimit(limitOf(plan, meter)?.limit)),
  atLimit: each(metersOf(plan), (meter) => limitOf(plan, meter)?.at_limit ?? 'block'),
  tiers: each(withOthers(CHARGED, plan.overage), (meter) => writeOverage(priceOf(plan, meter))),
  features: writeFeatures(plan.features),
})

/** Writes dollars as people type them: drops trailing zeros beyond the cents from the API's six decimals. */
const toDollars = (amount: string | null) => amount?.replace(/(\.\d\d\d*?)0+$/, '$1') ?? ''
const toTypedLimit = (limit: number | string | null | undefined) =>
  typeof limit === 'string' ? toDollars(limit) : (limit?.toString() ?? '')

const metersOf = (plan: Plan) => withOthers(METERS, plan.limits.meters)
const limitOf = ({ limits }: Plan, meter: string) => limits.meters[meter as 'api_calls']
const priceOf = ({ overage }: Plan, meter: string): OveragePrice | undefined => overage[meter as 'api_calls']

/** The body that makes the plan what the form says. */
export function toPlanBody(form: PlanForm) {
  return {
    id: form.id.trim(),
    name: form.name.trim(),
    prices: lines(form.prices).map(readPrice),
    trial_days: readTypedNumber(form.trial) as number,
    markup_percent: readTypedNumber(form.markup) as number,
    price_per_call_usd: readTypedDecimal(form.callPrice) || null,
    included_credits_usd: readTypedDecimal(form.credits) || null,
    rollover_max_usd: readTypedDecimal(form.rollover) || null,
    at_no_credits: form.atNoCredits,
    seats: readSeats(form.seats),
    addons: readAddons(form.addons),
    limits: toLimits(form),
    overage: Object.fromEntries(
      Object.entries(form.tiers).flatMap(([meter, text]) => (text.trim() === '' ? [] : [[meter, readOverage(text)]])),
    ),
    features: readFeatures(form.features),
    is_public: form.isPublic,
    sort_order: readTypedNumber(form.order) as number,
  } satisfies CreatePlanRequest
}

/** What is missing is null, which the server refuses where there must be something. */
const toLimits = (form: PlanForm) => ({
  rate_limit_per_minute: readTypedNumber(form.rate) as number,
  max_api_keys: readTypedNumber(form.keys) as number,
  key_limits: form.keyLimits.map(toLimit),
  organization_limits: form.organizationLimits.map(toLimit),
  key_max_concurrent: readTypedNumber(form.keyConcurrent),
  max_concurrent: readTypedNumber(form.concurrent),
  meters: toMeters(form),
})

/** A meter without a limit is left out, unless the form says something else of it. */
function toMeters({ limits, atLimit }: PlanForm): CreatePlanRequest['limits']['meters'] {
  const named = Object.keys(limits).flatMap((meter) => {
    const text = limits[meter]?.trim() ?? ''
    const at_limit = atLimit[meter] ?? 'block'
    const limit = meter === 'cost_usd' ? readTypedDecimal(text) || null : readTypedNumber(text)
    return limit === null && at_limit === 'block' ? [] : [[meter, { limit, at_limit }] as const]
  })
  return Object.fromEntries(named)
}
