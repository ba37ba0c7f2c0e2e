/** Changes the plan within a subscription's schedule. Its phases keep everything else, known here or not. */
import { Problem } from '../../problems.ts'
import type { PlanSwitch } from './provider.ts'
import type { StripeScheduleRead } from './stripe-shapes.ts'

type Phase = StripeScheduleRead['phases'][number]

interface Swap extends Pick<PlanSwitch, 'product' | 'meteredProducts' | 'ofPlans'> {
  /** The price of the subscription's current plan. */
  readonly planPrice: string
}

/**
 * The phases of a schedule from the current one on, with the plan changed from `end` on. Earlier phases stay unchanged.
 *
 * @param end of the current period, in Unix seconds
 * @returns parameters in Stripe's form
 * @throws Problem `billing_refused` if no phase is current
 */
export function phasesFrom({ phases, current_phase }: StripeScheduleRead, end: number, swap: Swap): unknown[] {
  const sorted = phases.toSorted((a, b) => a.start_date - b.start_date)
  const now = current_phase?.start_date ?? sorted[0]?.start_date ?? end
  const running = sorted.filter(({ start_date }) => start_date >= now && start_date < end)
  const later = sorted.filter(({ start_date }) => start_date >= end)
  const last = running.at(-1)
  if (!last) throw new Problem('billing_refused', { detail: 'The schedule of the subscription has no current phase.' })
  const first = later[0]
  const next =
    first?.start_date === end ? [] : [{ ...continuePhases(last), start_date: end, end_date: first?.start_date }]
  return [
    ...running.slice(0, -1),
    { ...last, end_date: end },
    ...[...next, ...later].map((phase) => phaseWith(phase, swap)),
  ].map(toParameters)
}

/** With `none`, Stripe would not charge the use of removed metered prices. */
function phaseWith(phase: Phase, swap: Swap) {
  return { ...phase, items: itemsWith(phase.items, swap), proration_behavior: 'create_prorations' }
}

/** One-time parts of a phase are not repeated in the phase that continues it. */
function continuePhases({ trial_end: _trial, add_invoice_items: _once, ...phase }: Phase): Phase {
  return phase
}

function itemsWith(items: Phase['items'], { product, meteredProducts = [], ofPlans = [], planPrice }: Swap) {
  const isOfPlans = (price = '') => price === planPrice || ofPlans.includes(price)
  const isKnown = (price = '') => isOfPlans(price) || meteredProducts.includes(price)
  const had =
    items.find(({ price }) => price === planPrice) ??
    items.find(({ price, quantity }) => isOfPlans(price) && typeof quantity === 'number')
  return [
    { ...had, price: product, quantity: had?.quantity ?? 1 },
    ...items.filter(({ price }) => !isKnown(price)),
    ...meteredProducts.map((wanted) => items.find(({ price }) => price === wanted) ?? { price: wanted }),
  ]
}

/** Fields that Stripe returns but does not accept. */
const READ_ONLY: ReadonlySet<string> = new Set(['plan', 'disabled_reason'])
/** Stripe returns a discount with its source, and accepts only one of these names. */
const NAMES_OF_DISCOUNT = ['discount', 'promotion_code', 'coupon'] as const

/** Converts an object of Stripe to parameters: without empty and read-only fields, and with expanded objects as ids. */
function toParameters(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(toParameters)
  if (typeof value !== 'object' || value === null) return value ?? undefined
  if ('id' in value && 'object' in value) return value.id
  const fields = Object.entries(value).filter(([name, value]) => value !== null && !READ_ONLY.has(name))
  const discount = NAMES_OF_DISCOUNT.find((wanted) => fields.some(([name]) => name === wanted))
  const isLeftOut = (name: string) => name !== discount && NAMES_OF_DISCOUNT.some((one) => one === name)
  return Object.fromEntries(
    fields.filter(([name]) => !isLeftOut(name)).map(([name, value]) => [name, toParameters(value)]),
  )
}
