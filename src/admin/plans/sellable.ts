import type { PlanAddon, PlanPrice, PlanSeats } from '../../db/schema/shapes.ts'
import { Problem } from '../../problems.ts'

interface Offer {
  /** Prices of units above a limit, by meter. */
  readonly overage: Readonly<Record<string, unknown>>
  readonly prices: readonly PlanPrice[]
  readonly seats: PlanSeats | null
  readonly addons: readonly Pick<PlanAddon, 'prices'>[]
}

/**
 * Refuses prices that no provider supports.
 *
 * @throws Problem `invalid_request` naming the field
 */
export function requireSellable({ prices, seats, overage, addons }: Offer): void {
  const hasOverage = Object.keys(overage).length > 0
  const findForeignWith = (price: Pick<PlanPrice, 'currency'>) => (hasOverage ? findForeign(price) : undefined)
  const errors = [
    ...prices.flatMap((price, place) =>
      toErrors(`body.prices.${place}`, findFlaw(price, seats) ?? findForeignWith(price)),
    ),
    ...addons.flatMap((addon, at) =>
      addon.prices.flatMap((price, place) => toErrors(`body.addons.${at}.prices.${place}`, findForeignWith(price))),
    ),
  ]
  if (errors.length > 0) throw new Problem('invalid_request', { errors })
}

interface Flaw {
  readonly field: string
  readonly message: string
}

const toErrors = (path: string, flaw: Flaw | undefined) =>
  flaw ? [{ path: `${path}.${flaw.field}`, message: flaw.message }] : []

/** Both providers bill overage in US dollars, and neither bills two currencies at once. */
const findForeign = ({ currency }: Pick<PlanPrice, 'currency'>): Flaw | undefined =>
  currency === 'usd' ? undefined : { field: 'currency', message: 'must be usd: overage is charged in US dollars' }

/** Polar supports a price per seat, but no base price in addition. */
function findFlaw(price: PlanPrice, seats: PlanSeats | null): Flaw | undefined {
  const { amount_cents: cents, seat_amount_cents: seatCents, polar_product_id: product } = price
  if (seatCents === undefined) return undefined
  if (!seats) return { field: 'seat_amount_cents', message: 'is for a plan with seats' }
  if (product === undefined || cents === seatCents * seats.included) return undefined
  return {
    field: 'amount_cents',
    message: `must be ${seatCents * seats.included}, the included seats at seat_amount_cents: Polar has one price for every seat`,
  }
}
