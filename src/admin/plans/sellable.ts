import type { PlanPrice, PlanSeats } from '../../db/schema/shapes.ts'
import { Problem } from '../../problems.ts'

interface Offer {
  /** Prices of units above a limit, by meter. */
  readonly overage: Readonly<Record<string, unknown>>
  readonly prices: readonly PlanPrice[]
  readonly seats: PlanSeats | null
}

/**
 * Refuses prices that no provider can have as they are.
 *
 * @throws Problem `invalid_request` naming the field
 */
export function requireSellable({ prices, seats, overage }: Offer): void {
  const hasOverage = Object.keys(overage).length > 0
  const errors = prices.flatMap((price, place) => {
    const flaw = findFlaw(price, seats) ?? (hasOverage ? findForeign(price) : undefined)
    return flaw ? [{ path: `body.prices.${place}.${flaw.field}`, message: flaw.message }] : []
  })
  if (errors.length > 0) throw new Problem('invalid_request', { errors })
}

/** Both providers bill overage in US dollars, and none in two currencies at once. */
const findForeign = ({ currency }: PlanPrice) =>
  currency === 'usd' ? undefined : { field: 'currency', message: 'must be usd: overage is charged in US dollars' }

/** Polar has a price for each seat and nothing beside it. */
function findFlaw(price: PlanPrice, seats: PlanSeats | null) {
  const { amount_cents: cents, seat_amount_cents: seatCents, polar_product_id: product } = price
  if (seatCents === undefined) return undefined
  if (!seats) return { field: 'seat_amount_cents', message: 'is for a plan with seats' }
  if (product === undefined || cents === seatCents * seats.included) return undefined
  return {
    field: 'amount_cents',
    message: `must be ${seatCents * seats.included}, the included seats at seat_amount_cents: Polar has one price for every seat`,
  }
}
