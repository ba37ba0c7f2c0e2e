/** Which charges of a subscription count as refunded. Pure. */
import type { RefundedCharge, RefundedCharges } from '../../db/schema/shapes.ts'

/** News of a refund or a dispute. The subscription that it is about is known. */
export interface Refund {
  /** What takes the money: the provider's id of the payment whose refunds do, or that of the dispute. */
  readonly id: string
  readonly paymentId: string
  readonly isDisputed: boolean
  /** When the charge was made, or the dispute was lost; absent if the money may have come back. */
  readonly chargedAt: Date | undefined
  /** What was charged. */
  readonly cents: number | undefined
  /** What the charge paid for. That for a change counts if the change began the current period. */
  readonly paidFor: 'period' | 'change'
}

/** What single events said of a payment's refunds and disputes. */
export interface ReversedPayment {
  /** The sum of refunds that did not fail. */
  readonly refundedCents: number
  /** The sum of refunds that failed after they had counted. */
  readonly failedCents: number
  /** Whether what {@link Refund.id} names, if it is a dispute, took nothing after all. */
  readonly isUndone: boolean
}

/**
 * The refunded charges after a new event. A failed refund does not count, in whichever order the events arrive: the
 * remaining refunds must add up to the whole charge. A charge whose refund failed stays in the list, because the refund
 * may be made again, and the events of the new refund do not say when the charge was made.
 */
export function applyRefund(known: RefundedCharges, refund: Refund, reversed: ReversedPayment): RefundedCharges {
  const { [refund.id]: before, ...others } = known
  const charge = toCharge(refund) ?? (refund.isDisputed ? undefined : before)
  if (!charge) return others
  const isFailed = !isTaken(charge, refund, reversed)
  if (refund.isDisputed && isFailed) return others
  const { at, cents } = charge
  return { ...others, [refund.id]: { at, ...(cents !== undefined && { cents }), ...(isFailed && { failed: true }) } }
}

const toCharge = ({ chargedAt, cents }: Refund): RefundedCharge | undefined =>
  chargedAt && { at: chargedAt.toISOString(), ...(cents !== undefined && { cents }) }

function isTaken({ cents }: RefundedCharge, { isDisputed }: Refund, reversed: ReversedPayment): boolean {
  if (isDisputed) return !reversed.isUndone
  return reversed.failedCents === 0 || (cents !== undefined && reversed.refundedCents >= cents)
}

interface Known {
  readonly refundedCharges: RefundedCharges
  readonly refundedChargeAt: Date | null
}

/** The time of the latest refunded charge. One that an earlier version recorded has a time alone. */
export function latestRefund(known: Known | undefined, charges: RefundedCharges): Date | null {
  const listed = timesOf(Object.values(known?.refundedCharges ?? {}))
  const alone = known?.refundedChargeAt?.getTime()
  const taken = Object.values(charges).filter(({ failed }) => !failed)
  const times = [...timesOf(taken), ...(alone === undefined || listed.includes(alone) ? [] : [alone])]
  return times.length === 0 ? null : new Date(Math.max(...times))
}

const timesOf = (charges: readonly RefundedCharge[]) => charges.map(({ at }) => Date.parse(at))
