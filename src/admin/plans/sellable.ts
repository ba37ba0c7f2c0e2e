import type { PlanPrice, PlanSeats } from '../../db/schema/shapes.ts'
import { Problem } from '../../problems.ts'

interface Offer {
  readonly prices: readonly PlanPrice[]
  readonly seats: PlanSeats | null
}

/**
 * Refuses prices that no provider can have as they are.
 *
 * @throws Problem `invalid_request` naming the field
 */
export function requireSellable({ prices, seats }: Offer): void {
  const errors = prices.flatMap((price, place) => {
    const flaw = findFlaw(price, seats)
    return flaw ? [{ path: `body.prices.${place}.${flaw.field}`, message: flaw.message }] : []
  })
  if (errors.length > 0) throw new Problem('invalid_request', { errors })
}

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
