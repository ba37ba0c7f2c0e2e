import { toNanoUsd, toUsd } from '../../lib/usd.ts'
import type { CreditPayment } from '../webhooks/payments.ts'
import type { PurchaseRow } from './purchase-queries.ts'

const NANO_PER_CENT = 10_000_000n

/** What a purchase becomes. Amounts in decimal US dollars. */
export interface PurchaseDecision {
  readonly isChanged: boolean
  readonly creditCents: number | null
  readonly paidCents: number
  readonly refundedCents: number
  readonly grantId: string | null
  readonly takenBack: string
  readonly shortfall: string
  /** To grant now. */
  readonly granted: string | undefined
  /** To take back now, and what has burned and cannot be taken back. */
  readonly takes: string | undefined
  readonly newShortfall: string | undefined
}

/** A purchase of which nothing is known yet. */
const NOTHING: Omit<PurchaseRow, 'organizationId'> = {
  creditCents: null,
  paidCents: 0,
  refundedCents: 0,
  grantId: null,
  takenBack: '0',
  shortfall: '0',
  remaining: null,
}

/**
 * Decides what an event changes of a purchase. What was paid is granted once. A refund takes its share of the grant, as
 * far as that is left. Amounts that were refunded only grow, so an older event changes nothing.
 *
 * @param newId the id of the grant, if there is none yet
 */
export function decidePurchase(row: PurchaseRow | undefined, payment: CreditPayment, newId: string): PurchaseDecision {
  const known = { ...(row ?? NOTHING), remaining: row?.remaining ?? '0' }
  const { creditCents, paidCents, refundedCents } = mergeCents(known, payment)
  const credits = BigInt(creditCents ?? 0) * NANO_PER_CENT
  const isNew = credits > 0n && known.grantId === null
  const left = isNew ? credits : toNanoUsd(known.remaining)
  const refund = takeBack(known, { left, refunded: shareOf(credits, refundedCents, paidCents) })
  const isOther = known.paidCents !== paidCents || known.refundedCents !== refundedCents
  return {
    isChanged: [!row, isOther, isNew, refund.takes !== undefined].includes(true),
    creditCents,
    paidCents,
    refundedCents,
    grantId: isNew ? newId : known.grantId,
    granted: isNew ? toUsd(credits) : undefined,
    ...refund,
  }
}

function mergeCents(known: Omit<PurchaseRow, 'organizationId'>, payment: CreditPayment) {
  const paidCents = Math.max(known.paidCents, payment.paidCents)
  return {
    creditCents: known.creditCents ?? payment.creditCents ?? null,
    paidCents,
    refundedCents: Math.min(paidCents, Math.max(known.refundedCents, payment.refundedCents)),
  }
}

const shareOf = (credits: bigint, part: number, whole: number) =>
  whole === 0 ? 0n : (credits * BigInt(part)) / BigInt(whole)

interface Refund {
  /** What is left of the grant, and what was refunded of it in all. */
  readonly left: bigint
  readonly refunded: bigint
}

function takeBack({ takenBack, shortfall }: Pick<PurchaseRow, 'takenBack' | 'shortfall'>, { left, refunded }: Refund) {
  const due = refunded - toNanoUsd(takenBack) - toNanoUsd(shortfall)
  if (due <= 0n) return { takenBack, shortfall, takes: undefined, newShortfall: undefined }
  const takes = due < left ? due : left
  return {
    takenBack: toUsd(toNanoUsd(takenBack) + takes),
    shortfall: toUsd(toNanoUsd(shortfall) + due - takes),
    takes: toUsd(takes),
    newShortfall: due > takes ? toUsd(due - takes) : undefined,
  }
}
