/** A subscription's schedule with another plan in it: whatever else its phases have, known here or not, they keep. */
import { Problem } from '../../problems.ts'
import type { PlanSwitch } from './provider.ts'
import type { StripeScheduleRead } from './stripe-shapes.ts'

type Phase = StripeScheduleRead['phases'][number]

interface Swap extends Pick<PlanSwitch, 'product' | 'meteredProducts' | 'ofPlans'> {
  /** The price that the subscription has its plan by. */
  readonly planPrice: string
}

/**
 * The phases of a schedule from the current one on, with the plan changed from `end` on: those before stay as they are.
 *
 * @param end of the current period, in Unix seconds
 * @returns parameters as Stripe takes them
 * @throws Problem `billing_refused` where no phase runs
 */
export function phasesFrom({ phases, current_phase }: StripeScheduleRead, end: number, swap: Swap): unknown[] {
  const sorted = phases.toSorted((a, b) => a.start_date - b.start_date)
  const now = current_phase?.start_date ?? sorted[0]?.start_date ?? end
  const running = sorted.filter(({ start_date }) => start_date >= now && start_date < end)
  const later = sorted.filter(({ start_date }) => start_date >= end)
  const last = running.at(-1)
  if (!last) throw new Problem('billing_refused', { detail: 'The schedule of the subscription has no phase now.' })
  const first = later[0]
  const next =
    first?.start_date === end ? [] : [{ ...continuePhases(last), start_date: end, end_date: first?.start_date }]
  return [
    ...running.slice(0, -1),
    { ...last, end_date: end },
    ...[...next, ...later].map((phase) => phaseWith(phase, swap)),
  ].map(toParameters)
}

/** With `none` Stripe would not charge what was used of metered prices that go. */
function phaseWith(phase: Phase, swap: Swap) {
  return { ...phase, items: itemsWith(phase.items, swap), proration_behavior: 'create_prorations' }
}

/** What happens once, at a phase's beginning or in it, does not happen again in the one that continues it. */
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

/** What Stripe tells and does not take back. */
const ONLY_TOLD: ReadonlySet<string> = new Set(['plan', 'disabled_reason'])
/** A discount is told with what it was made from, and taken by one of them. */
const NAMES_OF_DISCOUNT = ['discount', 'promotion_code', 'coupon'] as const

/** An object of Stripe's as a parameter: without what is empty or only told, and what was expanded as its id. */
function toParameters(told: unknown): unknown {
  if (Array.isArray(told)) return told.length === 0 ? undefined : told.map(toParameters)
  if (typeof told !== 'object' || told === null) return told ?? undefined
  if ('id' in told && 'object' in told) return told.id
  const fields = Object.entries(told).filter(([name, value]) => value !== null && !ONLY_TOLD.has(name))
  const discount = NAMES_OF_DISCOUNT.find((wanted) => fields.some(([name]) => name === wanted))
  const isLeftOut = (name: string) => name !== discount && NAMES_OF_DISCOUNT.some((one) => one === name)
  return Object.fromEntries(
    fields.filter(([name]) => !isLeftOut(name)).map(([name, value]) => [name, toParameters(value)]),
  )
}
