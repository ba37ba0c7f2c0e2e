/** Changes the plan within a subscription's schedule. Its phases keep everything else, known here or not. */
import { Problem } from '../../problems.ts'
import type { OrderedItem, PlanSwitch } from './provider.ts'
import type { StripeScheduleRead } from './stripe-shapes.ts'

type Phase = StripeScheduleRead['phases'][number]

interface Swap extends Pick<PlanSwitch, 'plan' | 'addons' | 'meteredProducts' | 'ofPlans' | 'planProducts'> {
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

/**
 * The phases of a schedule that was released, for the new one that takes its place. What is current is what Stripe made of
 * the subscription: it has what is left of a trial, and nothing of what was charged when the phase began.
 *
 * @returns parameters in Stripe's form
 */
export function phasesAgain(made: StripeScheduleRead, released: StripeScheduleRead): unknown[] {
  const sorted = sort(released.phases)
  const now = released.current_phase?.start_date ?? sorted[0]?.start_date ?? 0
  const running = sorted.findLast(({ start_date }) => start_date <= now)
  const first = sort(made.phases).at(-1)
  return [
    ...(first ? [{ ...first, end_date: running?.end_date ?? first.end_date }] : []),
    ...sorted.filter(({ start_date }) => start_date > now),
  ].map(toParameters)
}

const sort = (phases: readonly Phase[]) => phases.toSorted((a, b) => a.start_date - b.start_date)

/** With `none`, Stripe would not charge the use of removed metered prices. */
function phaseWith(phase: Phase, swap: Swap) {
  return { ...phase, items: itemsWith(phase.items, swap), proration_behavior: 'create_prorations' }
}

/** One-time parts of a phase are not repeated in the phase that continues it. */
function continuePhases({ trial_end: _trial, add_invoice_items: _once, ...phase }: Phase): Phase {
  return phase
}

function itemsWith(items: Phase['items'], { plan, ofPlans = [], planProducts = [], planPrice, ...swap }: Swap) {
  const beside = listBeside(swap)
  const isOfPlans = (price = '') => price === planPrice || ofPlans.includes(price)
  const isKnown = (price = '') => isOfPlans(price) || beside.some(({ product }) => product === price)
  const had =
    items.find(({ price }) => price === planPrice) ?? items.find(({ price = '' }) => planProducts.includes(price))
  return [
    { ...had, price: plan.product, quantity: plan.quantity ?? had?.quantity ?? 1 },
    ...items.filter(({ price }) => !isKnown(price)),
    ...beside.map((one) => withQuantity(items, one)),
  ]
}

/** An item as it was, with another quantity if it has one. */
function withQuantity(items: Phase['items'], { product, quantity }: OrderedItem): Phase['items'][number] {
  const known = items.find(({ price }) => price === product) ?? { price: product, quantity: undefined }
  return quantity === undefined ? known : { ...known, quantity }
}

/** The items that are billed in addition to the plan. */
export const listBeside = ({ addons = [], meteredProducts = [] }: Pick<Swap, 'addons' | 'meteredProducts'>) => [
  ...addons.map(({ product, quantity = 1 }) => ({ product, quantity })),
  ...meteredProducts.map((product) => ({ product, quantity: undefined })),
]

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
