/** Purchases: their lines, what they cost, and what a change of them costs. */

import { proRata } from '../../../src/billing/overage/money.ts'
import type { Interval } from '../../../src/db/schema/shapes.ts'
import { type Product, toCents, toInterval } from './products.ts'

/** A price besides the product (Stripe): an add-on, or a metered price, which has no quantity. */
export interface Extra {
  readonly price: string
  readonly quantity?: number | undefined
}

/** What a subscription contains. */
export interface Bought {
  readonly productId: string
  readonly quantity?: number | undefined
  readonly extras?: readonly Extra[] | undefined
}

interface Catalog {
  readonly products: ReadonlyMap<string, Product>
  /** Whether a change of seats is charged as one difference, rounded down (Polar). */
  readonly roundsSeats?: boolean
}

/** A purchase, and the period for which it was paid. */
interface Paid extends Bought {
  readonly currency?: string | undefined
  readonly periodStart: Date
  readonly periodEnd: Date
}

export const intervalOf = ({ products }: Catalog, { productId }: Bought) => toInterval(products.get(productId))

const toText = ({ productId, quantity, extras = [] }: Bought) =>
  JSON.stringify([productId, quantity ?? null, extras.map(({ price, quantity: count }) => [price, count ?? null])])
export const isSame = (one: Bought, other: Bought) => toText(one) === toText(other)

interface Difference {
  readonly wanted: Bought
  readonly isNewPeriod: boolean
  readonly now: Date
}

/** Each removed line is credited and each added line charged, separately rounded to cents. */
export function differenceIn(shop: Catalog, subscription: Paid, { wanted, isNewPeriod, now }: Difference): number {
  const seconds = (time: Date) => BigInt(Math.floor(time.getTime() / 1_000))
  const { periodStart, periodEnd, currency } = subscription
  const left = seconds(periodEnd) - seconds(now)
  const secondsLeft = left > 0n ? left : 0n
  const rest = { secondsLeft, secondsInPeriod: seconds(periodEnd) - seconds(periodStart) }
  const before = listLines(shop, subscription, currency)
  const after = listLines(shop, wanted, currency)
  if (shop.roundsSeats && isSeatsAlone(subscription, wanted)) {
    const delta = BigInt((after[0]?.cents ?? 0) - (before[0]?.cents ?? 0))
    return Number((delta * rest.secondsLeft) / rest.secondsInPeriod)
  }
  const share = (cents: number) => Number(proRata({ fromCents: 0n, toCents: BigInt(cents), ...rest }))
  const isKept = (line: Line, others: readonly Line[]) =>
    !isNewPeriod && others.some(({ name, cents }) => name === line.name && cents === line.cents)
  const gone = before.filter((line) => !isKept(line, after)).map(({ cents }) => -share(cents))
  const come = after.filter((line) => !isKept(line, before)).map(({ cents }) => (isNewPeriod ? cents : share(cents)))
  return [...gone, ...come].reduce((sum, cents) => sum + cents, 0)
}

const isSeatsAlone = (one: Bought, other: Bought) =>
  one.productId === other.productId && one.quantity !== other.quantity

interface Line {
  readonly name: string
  readonly cents: number
}

/** The lines of a purchase. */
function listLines({ products }: Catalog, { productId, quantity, extras = [] }: Bought, currency?: string): Line[] {
  return [{ price: productId, quantity }, ...extras].map((one) => ({
    name: `${one.price} ${one.quantity ?? ''}`,
    cents: toCents(products.get(one.price), one.quantity, currency),
  }))
}

export const sumCents = (shop: Catalog, subscription: Bought & Pick<Paid, 'currency'>) =>
  listLines(shop, subscription, subscription.currency).reduce((sum, { cents }) => sum + cents, 0)

/** The same day and time in the next month or year, or the month's last day. */
export function periodAfter(time: Date, interval: Interval): Date {
  const next = new Date(time)
  next.setUTCMonth(next.getUTCMonth() + (interval === 'year' ? 12 : 1))
  if (next.getUTCDate() !== time.getUTCDate()) next.setUTCDate(0)
  return next
}
