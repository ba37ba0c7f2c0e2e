import type { CreatePlanRequest, OveragePrice, Plan } from '../../api/types.ts'

export const METERS = ['api_calls', 'queries', 'tokens', 'cost_usd', 'concepts', 'storage_gb'] as const
export type Meter = (typeof METERS)[number]
/** Meters whose use above the limit can be charged. */
export const CHARGED = ['api_calls', 'queries', 'tokens', 'cost_usd'] as const
export type ChargedMeter = (typeof CHARGED)[number]

/** What the form holds: text, as it is typed. */
export interface PlanForm {
  readonly id: string
  readonly name: string
  readonly price: string
  readonly rate: string
  readonly keys: string
  readonly order: string
  readonly isPublic: boolean
  readonly polar: string
  readonly stripe: string
  readonly limits: Readonly<Record<Meter, string>>
  readonly atLimit: Readonly<Record<Meter, 'block' | 'allow'>>
  /** One tier a line: the last unit, or `rest`, and the price of one unit. */
  readonly tiers: Readonly<Record<ChargedMeter, string>>
  /** One feature a line: `name=value`. */
  readonly features: string
}

const each = <Name extends string, Value>(names: readonly Name[], value: (name: Name) => Value) =>
  Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, Value>

export const NEW_PLAN: PlanForm = {
  id: '',
  name: '',
  price: '0',
  rate: '60',
  keys: '10',
  order: '0',
  isPublic: false,
  polar: '',
  stripe: '',
  limits: each(METERS, () => ''),
  atLimit: each(METERS, () => 'block' as const),
  tiers: each(CHARGED, () => ''),
  features: '',
}

export const toPlanForm = (plan: Plan): PlanForm => ({
  id: plan.id,
  name: plan.name,
  price: plan.price_per_month_cents === null ? '' : String(plan.price_per_month_cents / 100),
  rate: String(plan.limits.rate_limit_per_minute),
  keys: String(plan.limits.max_api_keys),
  order: String(plan.sort_order),
  isPublic: plan.is_public,
  polar: plan.polar_product_id ?? '',
  stripe: plan.stripe_price_id ?? '',
  limits: each(METERS, (meter) => plan.limits.meters[meter]?.limit?.toString() ?? ''),
  atLimit: each(METERS, (meter) => plan.limits.meters[meter]?.at_limit ?? 'block'),
  tiers: each(CHARGED, (meter) => writeTiers(plan.overage[meter])),
  features: Object.entries(plan.features)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join('\n'),
})

const writeTiers = (price: OveragePrice | undefined) =>
  (price?.tiers ?? []).map(({ up_to, unit_price_usd }) => `${up_to ?? 'rest'} ${unit_price_usd}`).join('\n')

const lines = (text: string) => text.split('\n').flatMap((line) => line.trim() || [])

const readTiers = (text: string) =>
  lines(text).map((line) => {
    const [upTo = '', price = ''] = line.split(/\s+/)
    return { up_to: upTo === 'rest' ? null : Number(upTo), unit_price_usd: price }
  })

function readFeature(text: string): number | boolean | string {
  if (text === 'true' || text === 'false') return text === 'true'
  return text !== '' && !Number.isNaN(Number(text)) ? Number(text) : text
}

/** The body that makes the plan what the form says. What the form does not show of overage prices stays. */
export function toPlanBody(form: PlanForm, before?: Plan): CreatePlanRequest {
  const limit = (meter: Meter) => (form.limits[meter].trim() === '' ? null : Number(form.limits[meter]))
  const meters = Object.fromEntries(
    METERS.map((meter) => [
      meter,
      {
        limit: meter === 'cost_usd' && limit(meter) !== null ? form.limits[meter].trim() : limit(meter),
        at_limit: form.atLimit[meter],
      },
    ]),
  ) as CreatePlanRequest['limits']['meters']
  const overage = Object.fromEntries(
    CHARGED.filter((meter) => form.tiers[meter].trim() !== '').map((meter) => [
      meter,
      { ...before?.overage[meter], tiers: readTiers(form.tiers[meter]) },
    ]),
  )
  return {
    id: form.id.trim(),
    name: form.name.trim(),
    price_per_month_cents: form.price.trim() === '' ? null : Math.round(Number(form.price) * 100),
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
    polar_product_id: form.polar.trim() || null,
    stripe_price_id: form.stripe.trim() || null,
  }
}

/** The fields that differ, each as it was and as it will be. */
export function planChanges(before: PlanForm, after: PlanForm): [name: string, from: string, to: string][] {
  const flat = (form: PlanForm): Record<string, string> => ({
    Name: form.name,
    'Price a month': form.price === '' ? 'On request' : `$${form.price}`,
    'Rate a minute': form.rate,
    'API keys': form.keys,
    Order: form.order,
    'In the catalogue': form.isPublic ? 'Yes' : 'No',
    'Polar product': form.polar || 'None',
    'Stripe price': form.stripe || 'None',
    Features: form.features || 'None',
    ...Object.fromEntries(METERS.map((meter) => [`Limit of ${meter}`, form.limits[meter] || 'No limit'])),
    ...Object.fromEntries(METERS.map((meter) => [`At the limit of ${meter}`, form.atLimit[meter]])),
    ...Object.fromEntries(CHARGED.map((meter) => [`Overage of ${meter}`, form.tiers[meter] || 'None'])),
  })
  const [from, to] = [flat(before), flat(after)]
  return Object.keys(to).flatMap((name) =>
    from[name] === to[name] ? [] : [[name, from[name] ?? '', to[name] ?? ''] as [string, string, string]],
  )
}
