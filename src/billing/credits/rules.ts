import { toNanoUsd, toUsd } from '../../lib/usd.ts'
import type { CreditPayment } from '../webhooks/payments.ts'
import type { PurchaseRow } from './purchase-queries.ts'

const NANO_PER_CENT = 10_000_000n

/** What went back of a payment, in US cents, as far as it was told one by one. */
export interface ReversedCents {
  readonly refunded: number
  /** Refunds that failed after the provider's sum had them. */
  readonly failed: number
  /** Lost in disputes. */
  readonly disputed: number
}

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
  /** To give back now, because a refund failed. */
  readonly gives: string | undefined
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
  isRevoked: false,
}

/**
 * Decides what an event changes of a purchase. What was paid is granted once. What went back takes its share of the grant,
 * as far as that is left; what did not go back after all is given again, unless the operator revoked the grant. Nothing
 * depends on the order of events.
 *
 * @param reversed what is known of refunds and disputes
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
 * How much of what was paid is gone. The sum of a payment's refunds may or may not have been lowered when one failed, so
 * the single ones decide where all of them were told. Disputes are on top of refunds. Never below 0, nor above what was paid.
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
  /** What is left of the grant, and what is refunded of it in all. */
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
 * First what could not be taken, as if the refund that failed had never been. A grant that the operator revoked gets
 * nothing back: they took it away for good.
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
