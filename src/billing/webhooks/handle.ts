import type { ManagementDeps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { Problem } from '../../problems.ts'
import { applyPayment, noteReversal } from '../credits/purchase.ts'
import { checkInvoice } from '../overage/invoices.ts'
import { providerNamed } from '../providers/configured.ts'
import type { BillingProvider, SubscriptionPayment } from '../providers/provider.ts'
import { listOfCustomer } from '../subscriptions/queries.ts'
import type { Refund } from '../subscriptions/refunds.ts'
import { applySubscription } from '../subscriptions/sync.ts'
import type { Outcome } from '../subscriptions/write.ts'
import { PAID_FOR, readSubject, type Subject } from './events.ts'
import { type ClaimedEvent, failEvent, finishEvent, type StoredEvent } from './queries.ts'

/**
 * Applies a claimed event, and marks it as done in the same batch as its last effect. If that fails, it is marked as
 * failed and delivered again. If even that fails, its lease expires.
 *
 * @returns the result
 * @throws the error that prevented it
 */
export async function handleEvent(deps: ManagementDeps, event: StoredEvent, claimed: ClaimedEvent): Promise<string> {
  try {
    return await takeEffect(deps, event, claimed)
  } catch (error) {
    log('warn', 'billing_event_failed', { event_id: event.eventId, type: event.type, ...errorFields(error) })
    await markFailed(deps, claimed, error)
    throw error
  }
}

async function markFailed(deps: ManagementDeps, claimed: ClaimedEvent, error: unknown): Promise<void> {
  try {
    await failEvent(deps.db, claimed, describeReason(error))
  } catch {
    log('warn', 'billing_event_unmarked', { id: claimed.id })
  }
}

/** Why an event failed, in one line. */
export function describeReason(error: unknown): string {
  if (error instanceof Problem) return `${error.code}: ${error.message}`
  return Object.values(errorFields(error)).join(': ')
}

async function takeEffect(deps: ManagementDeps, event: StoredEvent, claimed: ClaimedEvent): Promise<string> {
  const alsoWrite = ({
    what,
    organizationId,
  }: {
    readonly what: string
    readonly organizationId?: string | undefined
  }) => finishEvent(deps.db, claimed, { outcome: what, organizationId, at: new Date(deps.now()) })
  const { subject, provider } = readEvent(deps, event)
  if (!subject || !provider) return store(alsoWrite)
  const payment = subject.payment ?? (subject.reversal && (await noteReversal(deps, subject.reversal)))
  if (payment) return applyPayment(deps, payment, { because: event.eventId, alsoWrite })
  if (subject.invoiceId !== undefined) return applyInvoice(deps, provider, { id: subject.invoiceId, alsoWrite })
  const targets = await listTargets(deps, provider, subject)
  if (targets.length === 0) return store(alsoWrite)
  return applyAll(deps, provider, { targets, subject, because: event.eventId, alsoWrite })
}

/** @throws Problem `misconfigured` for an event with an effect, of a provider that this deployment has no key of */
function readEvent(deps: ManagementDeps, event: StoredEvent) {
  const subject = readSubject(event.provider, event.type, event.payload)
  const provider = subject && providerNamed(deps.config, event.provider)
  if (subject && !provider) throw new Problem('misconfigured', { detail: `${event.provider} is not configured.` })
  return { subject, provider }
}

async function store(alsoWrite: (outcome: { readonly what: string }) => Promise<unknown>): Promise<string> {
  await alsoWrite({ what: 'stored' })
  return 'stored'
}

async function applyInvoice(
  deps: ManagementDeps,
  provider: BillingProvider,
  { id, alsoWrite }: { readonly id: string; alsoWrite(outcome: { readonly what: string }): Promise<unknown> },
): Promise<string> {
  const what = (await checkInvoice(deps, provider, id)) ? 'applied' : 'stored'
  await alsoWrite({ what })
  return what
}

interface Effects {
  readonly targets: readonly Target[]
  readonly subject: Subject | undefined
  readonly because: string
  alsoWrite(outcome: Outcome): ReturnType<typeof finishEvent>
}

/** One after the other. The batch of the last one marks the event as done. All earlier ones can be repeated. */
async function applyAll(deps: ManagementDeps, provider: BillingProvider, effects: Effects): Promise<string> {
  const { targets, subject, because, alsoWrite } = effects
  let what = 'stored'
  for (const [place, target] of targets.entries()) {
    const isLast = place === targets.length - 1
    const outcome = await applySubscription(deps, provider, {
      ...target,
      because,
      isGone: subject?.customer?.isGone ?? false,
      ...(isLast && { alsoWrite }),
    })
    what = outcome.what
  }
  return what
}

interface Target {
  readonly subscriptionId: string
  readonly refund?: Refund | undefined
}

/** The subscriptions that an event is about. */
async function listTargets(deps: ManagementDeps, provider: BillingProvider, subject: Subject): Promise<Target[]> {
  const { subscriptionId, customer, refund } = subject
  if (customer) return (await listSubscriptions(deps, provider, customer)).map((id) => ({ subscriptionId: id }))
  if (subscriptionId !== undefined) return [{ subscriptionId, refund: refund && describeRefund(refund, refund.reason) }]
  if (refund === undefined) return []
  const paid = await provider.subscriptionOfPayment?.(refund.paymentId)
  const refunded = paid && describeRefund(ofPeriod(refund, paid), paid.reason)
  return refunded ? [{ subscriptionId: paid.subscriptionId, refund: refunded }] : []
}

/** An invoice may be paid in a later period than the one that it charges. A dispute counts by when it was lost. */
const ofPeriod = (refund: NonNullable<Subject['refund']>, { periodStart }: SubscriptionPayment) =>
  refund.chargedAt && !refund.isDisputed && periodStart ? { ...refund, chargedAt: periodStart } : refund

/** After a dispute it does not matter what the charge paid for, nor if money comes back. */
function describeRefund(
  { id, paymentId, chargedAt, cents, isDisputed = false }: NonNullable<Subject['refund']>,
  reason: string | null | undefined,
): Refund | undefined {
  const paidFor = isDisputed || !chargedAt ? 'period' : PAID_FOR.get(reason ?? '')
  return paidFor && { id, paymentId, chargedAt, cents, isDisputed, paidFor }
}

/** The subscriptions that are known here, and those that the provider knows. */
async function listSubscriptions(
  deps: ManagementDeps,
  provider: BillingProvider,
  { id, externalId, isGone }: NonNullable<Subject['customer']>,
): Promise<string[]> {
  const known = await listOfCustomer(deps.db, provider.name, id)
  if (isGone || externalId === undefined) return known
  const found = await provider.findSubscriptions({ organizationId: externalId.toLowerCase(), customerId: id })
  return [...new Set([...known, ...found.map((one) => one.id)])]
}
