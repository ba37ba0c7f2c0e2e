import type { ManagementDeps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { applyPayment } from '../credits/purchase.ts'
import { listGranted, listPresent } from '../credits/purchase-queries.ts'
import type { CreditPayment } from '../providers/credit-payments.ts'
import type { BillingProvider } from '../providers/provider.ts'
import { MAX_PAGES } from './progress.ts'

/** Covers the slowest payment methods, and providers that failed to send webhooks for days. */
const LOOK_BACK_MS = 14 * 24 * 3_600_000

/**
 * Grants credits that were paid at a provider whose webhook never arrived, and takes back later refunds. Known payments
 * are not changed, and a payment is granted once, whatever its source.
 *
 * @param options.cursor the page at which to continue
 * @returns how many payments changed something, and the page at which to continue, undefined at the end of the list
 * @throws Problem `billing_unavailable`
 */
export async function reconcileTopUps(
  deps: ManagementDeps,
  provider: BillingProvider,
  { because, cursor: from }: { readonly because: string; readonly cursor: string | undefined },
): Promise<{ readonly repaired: number; readonly next: string | undefined }> {
  const since = new Date(deps.now() - LOOK_BACK_MS)
  let repaired = 0
  let cursor = from
  for (let page = 0; page < MAX_PAGES; page++) {
    const { payments, next } = await provider.listCreditPayments(since, cursor)
    for (const payment of await listNews(deps, provider, payments))
      if (await apply(deps, payment, because)) repaired += 1
    cursor = next
    if (next === undefined) break
  }
  return { repaired, next: cursor }
}

/**
 * Payments that are not granted here, or of which more was refunded than is known. An organization that was deleted since, or that belongs to
 * another deployment, gets nothing, and is not reported every hour: its event reports it once.
 */
async function listNews(deps: ManagementDeps, { name }: BillingProvider, payments: readonly CreditPayment[]) {
  if (payments.length === 0) return []
  const ids = payments.map(({ paymentId }) => paymentId)
  const granted = new Map((await listGranted(deps.db, name, ids)).map((one) => [one.paymentId, one.refundedCents]))
  const news = payments.filter(({ paymentId, refundedCents }) => (granted.get(paymentId) ?? -1) < refundedCents)
  const present = await listPresent(
    deps.db,
    news.map(({ organizationId }) => organizationId),
  )
  return news.filter(({ organizationId }) => present.has(organizationId))
}

/** If one cannot be applied, the others continue. */
async function apply(deps: ManagementDeps, payment: CreditPayment, because: string): Promise<boolean> {
  try {
    return (await applyPayment(deps, payment, { because })) === 'applied'
  } catch (error) {
    const { provider, paymentId } = payment
    log('warn', 'credits_not_repaired', { provider, payment: paymentId, ...errorFields(error) })
    return false
  }
}
