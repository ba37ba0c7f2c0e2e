import type { OpenReservation } from '../../api/types.ts'
import { describeAmount, type OwnMeters } from './meters.ts'

/** What a reservation holds, such as `1,200 tokens, $0.02`. A slot holds nothing but its place. */
export function describeHeld({ held }: Pick<OpenReservation, 'held'>, own: OwnMeters): string {
  const amounts = Object.entries(held).flatMap(([meter, amount]) =>
    amount === undefined ? [] : [describeAmount(meter, amount, own)],
  )
  return amounts.join(', ') || 'Only a slot'
}
