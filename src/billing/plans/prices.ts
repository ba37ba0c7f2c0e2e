/** The prices of plans and add-ons. Pure: money is whole cents of one currency. */
import type { BookedAddons, Interval, PlanAddon, PlanPrice, PlanSeats } from '../../db/schema/shapes.ts'
import { proRata } from '../overage/money.ts'
import type { ProviderName } from '../providers/provider.ts'

const MONTHS: Readonly<Record<Interval, number>> = { month: 1, year: 12 }

/** The parts of a plan that determine its price. */
export interface PricedPlan {
  readonly id: string
  readonly name: string
  readonly prices: readonly PlanPrice[]
  readonly seats: PlanSeats | null
  readonly addons: readonly PlanAddon[]
}

/** Everything that one subscription buys. */
export interface Selection<Plan extends PricedPlan = PricedPlan> {
  readonly plan: Plan
  readonly price: PlanPrice
  /** Null if the plan has no seats. */
  readonly seats: number | null
  readonly addons: readonly ChosenAddon[]
}

interface ChosenAddon {
  readonly addon: PlanAddon
  readonly price: PlanPrice
  readonly quantity: number
}

interface Terms {
  readonly interval: Interval
  readonly currency: string
}

export const findPrice = (prices: readonly PlanPrice[], { interval, currency }: Terms) =>
  prices.find((price) => price.interval === interval && price.currency === currency)

/** The provider's product for a price; undefined if it is not sold there. */
export const selectProduct = (price: PlanPrice, provider: ProviderName): string | undefined =>
  provider === 'polar' ? price.polar_product_id : price.stripe_price_id

/** Whether the provider counts seats: whether the plan sells them individually. */
export const sellsSeats = ({ seats }: Pick<PricedPlan, 'seats'>, { seat_amount_cents }: PlanPrice): boolean =>
  seats !== null && seat_amount_cents !== undefined

/** @returns the ids and quantities of the add-ons, as a subscription keeps them */
export const toBooked = ({ addons }: Selection): BookedAddons =>
  Object.fromEntries(addons.map(({ addon, quantity }) => [addon.id, quantity]))

/** One line of a selection's price for an interval. */
interface PriceLine {
  readonly name: string
  readonly cents: number
}

/** The price of a selection for an interval, line by line; undefined if a price is negotiated. */
function listLines({ plan, price, seats, addons }: Selection): PriceLine[] | undefined {
  const more = Math.max(0, (seats ?? 0) - (plan.seats?.included ?? 0)) * (price.seat_amount_cents ?? 0)
  const lines = [
    { name: seats === null ? plan.name : `${plan.name}, ${seats} seats`, base: price.amount_cents, more },
    ...addons.map(({ addon, price: one, quantity }) => ({
      name: quantity === 1 ? addon.name : `${quantity} × ${addon.name}`,
      base: one.amount_cents === null ? null : one.amount_cents * quantity,
      more: 0,
    })),
  ]
  if (lines.some(({ base }) => base === null)) return undefined
  return lines.map(({ name, base, more: extra }) => ({ name, cents: (base ?? 0) + extra }))
}

/** The price of a selection for an interval; undefined if a price is negotiated. */
export const totalCents = (selection: Selection): number | undefined =>
  listLines(selection)?.reduce((sum, { cents }) => sum + cents, 0)

/** The price of a selection per month, to compare plans; a negotiated price ranks above those of the catalog. */
export const rankPrice = ({ amount_cents, interval }: PlanPrice): number =>
  amount_cents === null ? Number.MAX_SAFE_INTEGER : amount_cents / MONTHS[interval]

/** What a subscription pays for each payment: in cents, undefined if a price is negotiated and the provider does not say. */
export interface Paid {
  readonly interval: Interval
  readonly cents: number | undefined
}

/**
 * Whether a change waits for the end of the paid period: a change to something that is paid for a shorter time, or costs less
 * per payment. A change to something that is paid for at least as long and costs at least as much begins at once. Where nobody
 * knows what is paid, only one to a longer time does.
 */
export function isDown(paid: Paid, to: Selection): boolean {
  const [before, after] = [MONTHS[paid.interval], MONTHS[to.price.interval]]
  if (after < before) return true
  if (paid.cents === undefined) return after === before
  return (totalCents(to) ?? Number.MAX_SAFE_INTEGER) < paid.cents
}

export interface ProratedLine {
  readonly description: string
  readonly amount_cents: number
}

/**
 * The immediate cost of a change, prorated by the second: the unused part of the old lines is credited, and the rest of the period
 * is charged for the new ones. A longer interval starts its own period and is charged in full. Each line is rounded
 * to cents, as on the invoice.
 *
 * @param period in whole Unix seconds
 */
export function prorate(
  from: Selection,
  to: Selection,
  { start, end, at }: { readonly start: number; readonly end: number; readonly at: number },
): ProratedLine[] | undefined {
  const [before, after] = [listLines(from), listLines(to)]
  if (!before || !after) return undefined
  const isNewPeriod = from.price.interval !== to.price.interval
  const share = (cents: number) =>
    Number(
      proRata({
        fromCents: 0n,
        toCents: BigInt(cents),
        secondsLeft: BigInt(Math.max(0, end - at)),
        secondsInPeriod: BigInt(Math.max(1, end - start)),
      }),
    )
  const isKept = ({ name, cents }: PriceLine, others: readonly PriceLine[]) =>
    !isNewPeriod && others.some((one) => one.name === name && one.cents === cents)
  return [
    ...before
      .filter((line) => !isKept(line, after))
      .map(({ name, cents }) => ({ description: `Unused time on ${name}`, amount_cents: -share(cents) })),
    ...after
      .filter((line) => !isKept(line, before))
      .map(({ name, cents }) =>
        isNewPeriod
          ? { description: name, amount_cents: cents }
          : { description: `Remaining time on ${name}`, amount_cents: share(cents) },
      ),
  ].filter(({ amount_cents }) => amount_cents !== 0)
}
