import { toNanoUsd, toUsd } from '../../lib/usd.ts'
import type { CreditPayment } from '../providers/credit-payments.ts'
import type { PurchaseRow } from './purchase-queries.ts'

const NANO_PER_CENT = 10_000_000n

/** The reversed amounts of a payment, in US cents, as far as single reversals were reported. */
export interface ReversedCents {
  readonly refunded: number
  /** Refunds that failed after the provider's sum included them. */
  readonly failed: number
  /** Lost in disputes. */
  readonly disputed: number
}

/** The changes to a purchase. Amounts in decimal US dollars. */
export interface PurchaseDecision {
  readonly isChanged: boolean
  readonly creditCents: number | null
  readonly paidCents: number
  readonly refundedCents: number
  readonly grantId: string | null
  readonly takenBack: string
  readonly shortfall: string
  /** Grant this now. */
  readonly granted: string | undefined
  /** Take this back now, and the spent amount that cannot be taken back. */
  readonly takes: string | undefined
  readonly newShortfall: string | undefined
  /** Give this back now, because a refund failed. */
  readonly gives: string | undefined
}

/** A purchase without any known data. */
const NOTHING: Omit<PurchaseRow, 'organizationId'> = {
  creditCents: null,
  paidCents: 0,
  refundedCents: 0,
  grantId: null,
  takenBack: '0',
  shortfall: '0',
  remaining: null,
  isRevoked: false,
}

/**
 * Decides how an event changes a purchase. A payment is granted once. A reversed amount takes its share of the grant, as far
 * as that is left. If a reversal fails later, its credits are granted again, unless the operator revoked the grant. The result
 * does not depend on the order of events.
 *
 * @param reversed the known refunds and disputes
 * @param newId the id of the grant, if there is none yet
 */
export function decidePurchase(
  row: PurchaseRow | undefined,
  payment: CreditPayment,
  { reversed, newId }: { readonly reversed: ReversedCents; readonly newId: string },
): PurchaseDecision {
  const known = { ...(row ?? NOTHING), remaining: row?.remaining ?? '0' }
  const cents = mergeCents(known, payment)
  const { creditCents, paidCents, refundedCents } = cents
  const credits = BigInt(creditCents ?? 0) * NANO_PER_CENT
  const isNew = credits > 0n && known.grantId === null
  const left = isNew ? credits : toNanoUsd(known.remaining)
  const refund = takeBack(known, { left, refunded: shareOf(credits, lostCents(cents, reversed), paidCents) })
  const isOther = known.paidCents !== paidCents || known.refundedCents !== refundedCents
  return {
    isChanged: [!row, isOther, isNew, isMoved(known, refund)].includes(true),
    creditCents,
    paidCents,
    refundedCents,
    grantId: isNew ? newId : known.grantId,
    granted: isNew ? toUsd(credits) : undefined,
    ...refund,
  }
}

/**
 * The part of the payment that was reversed. When a refund fails, the provider may or may not lower the sum of the payment's
 * refunds, so the single refunds decide if all of them were reported. Disputes are added to refunds. At least 0, at most the payment.
 */
function lostCents(
  { paidCents, refundedCents }: { readonly paidCents: number; readonly refundedCents: number },
  { refunded, failed, disputed }: ReversedCents,
): number {
  const refunds = Math.max(0, refunded, refundedCents - failed)
  return Math.min(paidCents, refunds + Math.max(0, disputed))
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
  /** The remainder of the grant, and the total refunded amount. */
  readonly left: bigint
  readonly refunded: bigint
}

type Taken = Pick<PurchaseRow, 'takenBack' | 'shortfall'>

function takeBack(known: Taken & Pick<PurchaseRow, 'isRevoked'>, { left, refunded }: Refund) {
  const { takenBack, shortfall } = known
  const due = refunded - toNanoUsd(takenBack) - toNanoUsd(shortfall)
  const nothing = { takes: undefined, newShortfall: undefined, gives: undefined }
  if (due === 0n) return { ...nothing, takenBack, shortfall }
  if (due < 0n) return { ...nothing, ...giveBack(known, -due) }
  const takes = due < left ? due : left
  return {
    ...nothing,
    takenBack: toUsd(toNanoUsd(takenBack) + takes),
    shortfall: toUsd(toNanoUsd(shortfall) + due - takes),
    takes: toUsd(takes),
    newShortfall: due > takes ? toUsd(due - takes) : undefined,
  }
}

/**
 * First reduces the shortfall, as if the failed refund had never happened. A grant that the operator revoked gets
 * nothing back: that is final.
 */
function giveBack({ takenBack, shortfall, isRevoked }: Parameters<typeof takeBack>[0], due: bigint) {
  const short = toNanoUsd(shortfall)
  const forgiven = due < short ? due : short
  const gives = isRevoked ? 0n : due - forgiven
  return {
    takenBack: toUsd(toNanoUsd(takenBack) - gives),
    shortfall: toUsd(short - forgiven),
    gives: gives > 0n ? toUsd(gives) : undefined,
  }
}

const isMoved = (before: Taken, after: Taken) =>
  toNanoUsd(before.takenBack) !== toNanoUsd(after.takenBack) ||
  toNanoUsd(before.shortfall) !== toNanoUsd(after.shortfall)
