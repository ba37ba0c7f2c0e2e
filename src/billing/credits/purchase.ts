import { audited, type Entry } from '../../audit/record.ts'
import { requireThat, type Statement, tryBatch } from '../../db/batch.ts'
import { holds, isOrganization } from '../../db/conditions.ts'
import { lockPayment } from '../../db/locks.ts'
import { retryUntilDone } from '../../db/retry-until-done.ts'
import type { ManagementDeps } from '../../deps.ts'
import { log } from '../../lib/log.ts'
import { formatUsd, toNanoUsd, toUsd } from '../../lib/usd.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { recordOverage } from '../overage/job.ts'
import type { CreditPayment } from '../providers/credit-payments.ts'
import type { Reversal } from '../webhooks/reversals.ts'
import { addGrant, changeGrant } from './grant.ts'
import {
  CREDIT_CURRENCY,
  findPurchase,
  isPurchase,
  listInOtherCurrencies,
  sumReversals,
  upsertPurchase,
  upsertReversal,
} from './purchase-queries.ts'
import { decidePurchase, type PurchaseDecision } from './rules.ts'
import { publishChanged, settleCredits, settlementSteps } from './settle.ts'

/** How often to retry after concurrent writes to the same credits. */
const MAX_ATTEMPTS = 6

interface Cause {
  /** The event's id, or the job's name, for the audit log. */
  readonly because: string
  /** Runs in the same batch, or alone if nothing changes: marks an event as done. */
  alsoWrite?(outcome: {
    readonly what: string
    readonly organizationId?: string | undefined
  }): Statement & Promise<unknown>
}

/**
 * Applies an event about a payment of credits: grants the credits once, even if events arrive twice, concurrently or out of
 * order; takes back amounts that were refunded or lost in a dispute, and returns amounts of failed refunds. A refund takes
 * the remainder of the grant that it paid for; spent credits cannot be taken back, and are recorded as the shortfall.
 *
 * @returns the outcome
 */
export async function applyPayment(deps: ManagementDeps, payment: CreditPayment, cause: Cause): Promise<string> {
  const { organizationId } = payment
  if (!(await holds(deps.db, isOrganization(organizationId)))) {
    log('error', 'credits_paid_for_nobody', { organization_id: organizationId, payment: payment.paymentId })
    await cause.alsoWrite?.({ what: 'no_organization' })
    return 'no_organization'
  }
  return retryUntilDone(() => applyOnce(deps, payment, cause), { subject: 'The credit balance', max: MAX_ATTEMPTS })
}

/** @returns undefined if a concurrent write came first */
async function applyOnce(deps: ManagementDeps, payment: CreditPayment, cause: Cause): Promise<string | undefined> {
  const { organizationId } = payment
  await settleCredits(deps, organizationId)
  await recordOverage(deps, deps.now(), organizationId) // from the first grant on credits pay for calls
  const reversed = await sumReversals(deps.db, payment)
  const known = await findPurchase(deps.db, payment)
  const decided = decidePurchase(known, payment, { reversed, newId: uuidv7(deps.now()) })
  const what = decided.isChanged ? 'applied' : 'unchanged'
  const alsoWrite = cause.alsoWrite?.({ what, organizationId })
  if (!decided.isChanged) {
    await alsoWrite
    return what
  }
  const { db } = deps
  const now = deps.now()
  const done = await tryBatch(db, {
    payment: lockPayment(db, payment),
    ...settlementSteps(db, organizationId, now),
    unchanged: requireThat(db, isPurchase(known, reversed, payment)),
    purchase: upsertPurchase(db, { ...payment, ...decided, id: uuidv7(now) }),
    changes: describeChanges(deps, payment, decided),
    audit: buildEntries(payment, decided, cause).map((entry) => audited(deps, entry)),
    ignored: known ? undefined : listInOtherCurrencies(db, payment), // later ones find the purchase: see noteReversal
    also: alsoWrite,
  })
  if (!done) return undefined
  const changed = [done.settled, done.renewed, ...done.changes].flatMap(({ rows }) => rows)
  await publishChanged(deps, changed)
  for (const reversal of done.ignored ?? []) logIgnored(payment, reversal)
  return what
}

/** The amount in US dollars is unknown, so only the operator can take the credits back. */
function logIgnored(
  { organizationId, provider, paymentId }: Pick<CreditPayment, 'organizationId' | 'provider' | 'paymentId'>,
  { id, currency, cents }: Pick<Reversal, 'id' | 'currency' | 'cents'>,
): void {
  log('error', 'credits_reversed_in_other_currency', {
    organization_id: organizationId,
    provider,
    payment: paymentId,
    reversal: id,
    currency,
    cents,
  })
}

function describeChanges(deps: ManagementDeps, { organizationId, provider }: CreditPayment, decided: PurchaseDecision) {
  const { db } = deps
  const { grantId, granted, takes, newShortfall, gives } = decided
  const at = new Date(deps.now())
  if (grantId === null) return []
  const common = () => ({ ledgerId: uuidv7(deps.now()), organizationId, at })
  const returned = (amount: string, reason: string) =>
    changeGrant(db, { ...common(), grantId, kind: 'refund', amount, reason })
  const rest = newShortfall === undefined ? '' : `; ${formatUsd(newShortfall)} of it had been used`
  const reason = `Bought through ${NAMES[provider]}`
  return [
    ...(granted === undefined
      ? []
      : [addGrant(db, { ...common(), id: grantId, amount: granted, takes, source: 'purchase', reason })]),
    ...(takes === undefined ? [] : [returned(toUsd(-toNanoUsd(takes)), `Refunded${rest}`)]),
    ...(gives === undefined ? [] : [returned(gives, 'The refund failed')]),
  ]
}

const NAMES = { polar: 'Polar', stripe: 'Stripe' } as const

function buildEntries(payment: CreditPayment, decided: PurchaseDecision, { because }: Cause): Entry[] {
  const { organizationId, provider, paymentId } = payment
  const { grantId, granted, takes, newShortfall, gives } = decided
  if (grantId === null) return []
  const entry = (action: Entry['action'], amount: string | undefined, more: Record<string, unknown> = {}): Entry[] => {
    if (amount === undefined) return []
    const detail = { because, provider, payment_id: paymentId, amount_usd: formatUsd(amount), ...more }
    return [{ actor: undefined, organizationId, target: { type: 'credit_grant', id: grantId }, action, detail }]
  }
  return [
    ...entry('billing.credits_purchased', granted),
    ...entry('billing.credits_refunded', takes, { shortfall_usd: formatUsd(newShortfall ?? '0') }),
    ...entry('billing.credits_given_back', gives),
  ]
}

/**
 * Stores an event about a refund or dispute. One in another currency than that of credits takes nothing back, and is logged.
 *
 * @returns its payment of credits, to be applied again; undefined if none is known yet, or it belongs to another kind of payment
 */
export async function noteReversal(deps: ManagementDeps, reversal: Reversal): Promise<CreditPayment | undefined> {
  await upsertReversal(deps.db, reversal)
  const known = await findPurchase(deps.db, reversal)
  if (!known) return undefined
  const { provider, paymentId } = reversal
  const { organizationId, paidCents, refundedCents } = known
  if (reversal.currency !== CREDIT_CURRENCY && !reversal.isUndone) logIgnored({ organizationId, ...reversal }, reversal)
  const rest = { customerId: undefined, creditCents: undefined }
  return { provider, paymentId, organizationId, paidCents, refundedCents, ...rest }
}
