import type { CreatePlanRequest, OveragePrice, Plan } from '../../api/types.ts'
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
  readonly seats: string
  readonly addons: string
  readonly rate: string
  readonly keys: string
  readonly order: string
  readonly isPublic: boolean
  /** By meter, like the two below; your own meters by slug. One that is absent is empty. */
  readonly limits: Readonly<Record<string, string>>
  readonly atLimit: Readonly<Record<string, 'block' | 'allow'>>
  /** One tier a line: the last unit, or `rest`, and the price of one unit. */
  readonly tiers: Readonly<Record<string, string>>
  /** One feature a line: `name=value`. */
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
  seats: '',
  addons: '',
  rate: '60',
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
  callPrice: plan.price_per_call_usd ?? '',
  seats: writeSeats(plan.seats),
  addons: writeAddons(plan.addons),
  rate: String(plan.limits.rate_limit_per_minute),
  keys: String(plan.limits.max_api_keys),
  order: String(plan.sort_order),
  isPublic: plan.is_public,
  limits: each(metersOf(plan), (meter) => limitOf(plan, meter)?.limit?.toString() ?? ''),
  atLimit: each(metersOf(plan), (meter) => limitOf(plan, meter)?.at_limit ?? 'block'),
  tiers: each(withOthers(CHARGED, plan.overage), (meter) => writeTiers(priceOf(plan, meter))),
  features: Object.entries(plan.features)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join('\n'),
})

const metersOf = (plan: Plan) => withOthers(METERS, plan.limits.meters)
const limitOf = ({ limits }: Plan, meter: string) => limits.meters[meter as 'api_calls']
const priceOf = ({ overage }: Plan, meter: string): OveragePrice | undefined => overage[meter as 'api_calls']

const writeTiers = (price: OveragePrice | undefined) =>
  (price?.tiers ?? []).map(({ up_to, unit_price_usd }) => `${up_to ?? 'rest'} ${unit_price_usd}`).join('\n')

const readTiers = (text: string) =>
  lines(text).map((whole) => {
    const line = whole.trim()
    const [upTo = '', price = ''] = line.split(/\s+/)
    return { up_to: upTo === 'rest' ? null : Number(upTo), unit_price_usd: price }
  })

function readFeature(text: string): number | boolean | string {
  if (text === 'true' || text === 'false') return text === 'true'
  return text !== '' && !Number.isNaN(Number(text)) ? Number(text) : text
}

/** The body that makes the plan what the form says. What the form does not show of overage prices stays. */
export function toPlanBody(form: PlanForm, before?: Plan): CreatePlanRequest {
  const text = (meter: string) => (form.limits[meter] ?? '').trim()
  const limit = (meter: string) => (text(meter) === '' ? null : Number(text(meter)))
  const known = before ? metersOf(before) : new Set<string>(METERS)
  const named = Object.keys(form.limits).filter((meter) => known.has(meter) || text(meter) !== '')
  const meters = each(named, (meter) => ({
    limit: meter === 'cost_usd' && limit(meter) !== null ? text(meter) : limit(meter),
    at_limit: form.atLimit[meter] ?? 'block',
  })) as CreatePlanRequest['limits']['meters']
  const overage = Object.fromEntries(
    Object.entries(form.tiers)
      .filter(([, tiers]) => tiers.trim() !== '')
      .map(([meter, tiers]) => [meter, { ...(before && priceOf(before, meter)), tiers: readTiers(tiers) }]),
  )
  return {
    id: form.id.trim(),
    name: form.name.trim(),
    prices: lines(form.prices).map(readPrice),
    trial_days: Number(form.trial),
    markup_percent: Number(form.markup),
    price_per_call_usd: form.callPrice.trim() || null,
    seats: readSeats(form.seats),
    addons: readAddons(form.addons),
    limits: { rate_limit_per_minute: Number(form.rate), max_api_keys: Number(form.keys), meters },
    overage,
    features: Object.fromEntries(
      lines(form.features).map((line) => {
        const at = line.indexOf('=')
        return at < 0 ? [line, true] : [line.slice(0, at).trim(), readFeature(line.slice(at + 1).trim())]
      }),
    ),
    is_public: form.isPublic,
    sort_order: Number(form.order),
  }
}

/** The fields that differ, each as it was and as it will be. */
export function planChanges(before: PlanForm, after: PlanForm): [name: string, from: string, to: string][] {
  const flat = (form: PlanForm): Record<string, string> => ({
    Name: form.name,
    Prices: form.prices || 'On request',
    'Trial, days': form.trial,
    'Markup, percent': form.markup,
    'Price of a call, US dollars': form.callPrice || 'None',
    Seats: form.seats || 'Any number',
    'Add-ons': form.addons || 'None',
    'Rate a minute': form.rate,
    'API keys': form.keys,
    Order: form.order,
    'In the catalogue': form.isPublic ? 'Yes' : 'No',
    Features: form.features || 'None',
    ...describeEach('Limit of', form.limits, 'No limit'),
    ...describeEach('At the limit of', form.atLimit, 'block'),
    ...describeEach('Overage of', form.tiers, 'None'),
  })
  const [from, to] = [flat(before), flat(after)]
  return Object.keys(to).flatMap((name) => {
    const was = from[name] ?? usual(name)
    return was === to[name] ? [] : [[name, was, to[name] ?? ''] as [string, string, string]]
  })
}

const describeEach = (what: string, values: Readonly<Record<string, string>>, empty: string) =>
  Object.fromEntries(Object.entries(values).map(([meter, value]) => [`${what} ${meter}`, value || empty]))

/** What the form says of a meter that the plan does not name. */
const usual = (name: string) =>
  name.startsWith('Limit of') ? 'No limit' : name.startsWith('At the limit of') ? 'block' : 'None'
