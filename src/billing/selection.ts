/** A customer's requested selection, checked against the plan that sells it. */
import type * as z from 'zod'
import { toFamily } from '../db/plan-version.ts'
import { FIRST_PLAN, type Interval, type PlanPrice } from '../db/schema/shapes.ts'
import { canonicalJson } from '../lib/canonical-json.ts'
import { Problem } from '../problems.ts'
import { findPrice, type Selection as PlanSelection, sellsSeats, toBooked } from './plans/prices.ts'
import type { Account, OfferedPlan, Subscription } from './queries.ts'
import type { PlanChoice } from './schemas.ts'

export type Selection = PlanSelection<OfferedPlan>

type Choice = Omit<z.output<typeof PlanChoice>, 'organization_id' | 'external_id'>
type Before = Pick<Subscription, 'planId' | 'interval' | 'currency' | 'seats' | 'addons'>

const invalid = (field: string, message: string) =>
  new Problem('invalid_request', { errors: [{ path: `body.${field}`, message }] })

/**
 * Resolves a choice to a selection. Omitted parts stay as in the subscription, if the plan sells them: its
 * version of the plan, its interval, its seats, and the add-ons that the plan also has.
 *
 * @param before the subscription that changes; undefined for a new one
 * @throws Problem `invalid_request` naming the field, `plan_not_purchasable`, `seats_in_use`, `currency_fixed`
 */
export function requireSelection(account: Account, choice: Choice, before?: Before): Selection {
  const plan = requirePlan(account, choice.plan ?? toFamily(before?.planId ?? ''), before?.planId)
  if (before && choice.currency !== undefined && choice.currency !== before.currency)
    throw new Problem('currency_fixed', {
      detail: `The subscription is paid in ${before.currency.toUpperCase()}, and keeps its currency. To pay in another one, cancel it, and buy the plan again when it has ended.`,
    })
  const price = requirePrice(plan, choice, before)
  const seats = requireSeats({ plan, price }, choice.seats, before)
  const selection = { plan, price, seats, addons: requireAddons(plan, price, choice.addons, before) }
  requireFitting(account, selection)
  return selection
}

/**
 * What a subscription is to have after a change. To what it has it may always return, also where that price is negotiated: that takes a
 * planned change back.
 *
 * @throws as `requireSelection`
 */
export function requireNext(account: Account, choice: Choice, before: Before): Selection {
  return (
    (isOwn(choice, before) ? readSelection(account, before) : undefined) ?? requireSelection(account, choice, before)
  )
}

/** Whether each given term is what the subscription has. */
function isOwn({ plan, interval, currency, seats, addons }: Choice, before: Before): boolean {
  const own = {
    plan: toFamily(before.planId),
    interval: before.interval,
    currency: before.currency,
    seats: before.seats,
  }
  const given = Object.entries({ plan, interval, currency, seats }) as [keyof typeof own, unknown][]
  const hasAddons = !addons || canonicalJson(toQuantities(addons)) === canonicalJson(before.addons)
  return hasAddons && given.every(([term, value]) => value === undefined || value === own[term])
}

const toQuantities = (addons: NonNullable<Choice['addons']>) =>
  Object.fromEntries(addons.map(({ id, quantity }) => [id, quantity]))

/** The version that the subscription is on, else the newest that customers see. */
function requirePlan({ plans }: Account, family: string, planId: string | undefined): OfferedPlan {
  const own = plans.find(({ id }) => id === planId && toFamily(id) === family)
  const plan = own ?? plans.find((one) => toFamily(one.id) === family && one.replacedAt === null && one.isPublic)
  if (!plan) throw invalid('plan', 'is not an available plan')
  if (plan.prices.every(({ amount_cents }) => amount_cents === null))
    throw new Problem('plan_not_purchasable', { detail: `The price of the plan ${family} is negotiated.` })
  if (family === FIRST_PLAN)
    throw new Problem('plan_not_purchasable', {
      detail: `The plan ${family} needs no subscription. Cancel the subscription to return to it.`,
    })
  return plan
}

function requirePrice({ id, prices }: OfferedPlan, choice: Choice, before: Before | undefined): PlanPrice {
  const sold = prices.filter(({ amount_cents }) => amount_cents !== null)
  const { interval, currency } = readTerms(sold, choice, before)
  const family = toFamily(id)
  if (!sold.some((price) => price.currency === currency))
    throw invalid('currency', `the plan ${family} has no price in ${currency}`)
  const price = findPrice(sold, { interval, currency })
  if (!price) throw invalid('interval', `the plan ${family} has no price by the ${interval} in ${currency}`)
  return price
}

/** Monthly and in US dollars, unless the plan is only sold otherwise. */
function readTerms(sold: readonly PlanPrice[], { interval, currency }: Choice, before: Before | undefined) {
  const wanted = currency ?? before?.currency ?? usualCurrency(sold)
  const isMonthly = sold.some((price) => price.currency === wanted && price.interval === 'month')
  const usualInterval: Interval = isMonthly ? 'month' : 'year'
  return { currency: wanted, interval: interval ?? before?.interval ?? usualInterval }
}

const usualCurrency = (sold: readonly PlanPrice[]) =>
  (sold.find((price) => price.currency === 'usd') ?? sold[0])?.currency ?? 'usd'

function requireSeats(
  { plan, price }: Pick<Selection, 'plan' | 'price'>,
  wanted: number | undefined,
  before: Before | undefined,
): number | null {
  if (plan.seats === null) {
    if (wanted !== undefined) throw invalid('seats', 'the plan has no seats')
    return null
  }
  const { included, max = Number.MAX_SAFE_INTEGER } = plan.seats
  const most = sellsSeats(plan, price) ? max : included
  const seats = wanted ?? Math.min(Math.max(before?.seats ?? 0, included), most)
  if (seats < included) throw invalid('seats', `the plan includes ${included} seats; fewer are not sold`)
  if (seats > most) throw invalid('seats', `the plan has ${most} seats at most`)
  return seats
}

/** @throws Problem `seats_in_use` if there are more members than seats, those of add-ons included */
function requireFitting({ memberCount }: Account, { seats, addons }: Selection): void {
  if (seats === null) return
  const all = addons.reduce((sum, { addon, quantity }) => sum + (addon.limits.seats ?? 0) * quantity, seats)
  if (all >= memberCount) return
  throw new Problem('seats_in_use', {
    detail: `The organization has ${memberCount} members, and ${all} seats were asked for.`,
  })
}

function requireAddons(
  plan: OfferedPlan,
  price: PlanPrice,
  wanted: Choice['addons'],
  before: Before | undefined,
): Selection['addons'] {
  const kept = Object.entries(before?.addons ?? {})
    .filter(([id]) => plan.addons.some((addon) => addon.id === id))
    .map(([id, quantity]) => ({ id, quantity }))
  return (wanted ?? kept).map(({ id, quantity }, place) => {
    const field = wanted ? `addons.${place}.id` : 'addons'
    const addon = plan.addons.find((one) => one.id === id)
    if (!addon) throw invalid(field, `the plan ${toFamily(plan.id)} has no add-on ${id}`)
    const found = findPrice(addon.prices, price)
    if (!found || found.amount_cents === null)
      throw invalid(field, `the add-on ${id} has no price by the ${price.interval} in ${price.currency}`)
    return { addon, price: found, quantity }
  })
}

/** @returns the subscription's current selection; undefined if its plan no longer has its price */
export function readSelection({ plans }: Account, now: Before): Selection | undefined {
  const plan = plans.find(({ id }) => id === now.planId)
  const price = plan && findPrice(plan.prices, now)
  if (!plan || !price) return undefined
  const addons = plan.addons.flatMap((addon) => {
    const [found, quantity = 0] = [findPrice(addon.prices, now), now.addons[addon.id]]
    return found && quantity > 0 ? [{ addon, price: found, quantity }] : []
  })
  return { plan, price, seats: now.seats, addons }
}

/** Whether a subscription has, or will have with its next period, what was selected. */
export function isSelected({ pending, ...now }: Subscription, wanted: Selection): boolean {
  const { planId, interval, seats, addons } = pending ? { ...pending, planId: pending.plan } : now
  const booked = Object.entries(toBooked(wanted))
  return (
    planId === wanted.plan.id &&
    interval === wanted.price.interval &&
    seats === wanted.seats &&
    booked.length === Object.keys(addons).length &&
    booked.every(([id, quantity]) => addons[id] === quantity)
  )
}
