import { audited, type Entry } from '../../audit/record.ts'
import { requireThat, type Statement, tryBatch } from '../../db/batch.ts'
import { holds, isOrganization } from '../../db/conditions.ts'
import type { ManagementDeps } from '../../deps.ts'
import { log } from '../../lib/log.ts'
import { formatUsd, toNanoUsd, toUsd } from '../../lib/usd.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { Problem } from '../../problems.ts'
import type { CreditPayment } from '../webhooks/payments.ts'
import { addGrant, changeGrant } from './grant.ts'
import { findPurchase, isPurchase, upsertPurchase } from './purchase-queries.ts'
import { decidePurchase, type PurchaseDecision } from './rules.ts'
import { publishChanged, settleCredits, settlementSteps } from './settle.ts'

/** How often to retry after concurrent writes to the same credits. */
const MAX_ATTEMPTS = 6

interface Cause {
  /** The event's id, for the audit log. */
  readonly because: string
  /** Runs in the same batch, or alone if nothing changes: marks the event as done. */
  alsoWrite(outcome: {
    readonly what: string
    readonly organizationId?: string | undefined
  }): Statement & Promise<unknown>
}

/**
 * Applies what an event says of a payment of credits: grants them once, whatever comes twice, at once or in another order,
 * and takes back what was refunded. A refund takes what is left of the grant that it paid for; what has burned cannot be
 * taken back, and is written down as the shortfall.
 *
 * @returns what came of it
 */
export async function applyPayment(deps: ManagementDeps, payment: CreditPayment, cause: Cause): Promise<string> {
  const { organizationId } = payment
  if (!(await holds(deps.db, isOrganization(organizationId)))) {
    log('error', 'credits_paid_for_nobody', { organization_id: organizationId, payment: payment.paymentId })
    await cause.alsoWrite({ what: 'no_organization' })
    return 'no_organization'
  }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const outcome = await applyOnce(deps, payment, cause)
    if (outcome !== undefined) return outcome
  }
  throw new Problem('unavailable', { detail: 'The credits are being changed concurrently; retry.' })
}

/** @returns undefined if something else was written meanwhile */
async function applyOnce(deps: ManagementDeps, payment: CreditPayment, cause: Cause): Promise<string | undefined> {
  const { organizationId, provider, paymentId } = payment
  await settleCredits(deps, organizationId)
  const known = await findPurchase(deps.db, provider, paymentId)
  const decided = decidePurchase(known, payment, uuidv7(deps.now()))
  const what = decided.isChanged ? 'applied' : 'unchanged'
  const alsoWrite = cause.alsoWrite({ what, organizationId })
  if (!decided.isChanged) {
    await alsoWrite
    return what
  }
  const { db } = deps
  const now = deps.now()
  const done = await tryBatch(db, {
    ...settlementSteps(db, organizationId, now),
    unchanged: requireThat(db, isPurchase(known, payment)),
    purchase: upsertPurchase(db, { ...payment, ...decided, id: uuidv7(now) }),
    changes: describeChanges(deps, payment, decided),
    audit: buildEntries(payment, decided, cause).map((entry) => audited(deps, entry)),
    also: alsoWrite,
  })
  if (!done) return undefined
  const changed = [done.settled, done.renewed, ...done.changes].flatMap(({ rows }) => rows)
  await publishChanged(deps, changed)
  return what
}

function describeChanges(deps: ManagementDeps, { organizationId, provider }: CreditPayment, decided: PurchaseDecision) {
  const { db } = deps
  const { grantId, granted, takes, newShortfall } = decided
  const at = new Date(deps.now())
  const ledgerId = () => uuidv7(deps.now())
  if (grantId === null) return []
  const reason = newShortfall && `Refunded; ${formatUsd(newShortfall)} of it had been used`
  return [
    ...(granted === undefined
      ? []
      : [
          addGrant(db, {
            id: grantId,
            ledgerId: ledgerId(),
            organizationId,
            amount: granted,
            source: 'purchase',
            reason: `Bought through ${NAMES[provider]}`,
            at,
          }),
        ]),
    ...(takes === undefined
      ? []
      : [
          changeGrant(db, {
            ledgerId: ledgerId(),
            organizationId,
            grantId,
            kind: 'refund',
            amount: toUsd(-toNanoUsd(takes)),
            reason: reason ?? 'Refunded',
            at,
          }),
        ]),
  ]
}

const NAMES = { polar: 'Polar', stripe: 'Stripe' } as const

function buildEntries(payment: CreditPayment, decided: PurchaseDecision, { because }: Cause): Entry[] {
  const { organizationId, provider, paymentId } = payment
  const { grantId, granted, takes, newShortfall } = decided
  if (grantId === null) return []
  const common = { actor: undefined, organizationId, target: { type: 'credit_grant', id: grantId } } as const
  const detail = { because, provider, payment_id: paymentId }
  return [
    ...(granted === undefined
      ? []
      : [
          {
            ...common,
            action: 'billing.credits_purchased',
            detail: { ...detail, amount_usd: formatUsd(granted) },
          } as const,
        ]),
    ...(takes === undefined
      ? []
      : [
          {
            ...common,
            action: 'billing.credits_refunded',
            detail: {
              ...detail,
              amount_usd: formatUsd(takes),
              shortfall_usd: formatUsd(newShortfall ?? '0'),
            },
          } as const,
        ]),
  ]
}

/** A known payment of credits, for an event that says only what was lost of it. */
export async function findPayment(
  deps: ManagementDeps,
  { provider, paymentId, refundedCents }: Pick<CreditPayment, 'provider' | 'paymentId' | 'refundedCents'>,
): Promise<CreditPayment | undefined> {
  const known = await findPurchase(deps.db, provider, paymentId)
  if (!known) return undefined
  const { organizationId, paidCents } = known
  return {
    provider,
    paymentId,
    organizationId,
    customerId: undefined,
    creditCents: undefined,
    paidCents,
    refundedCents,
  }
}
