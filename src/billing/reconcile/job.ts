import { systemDeps } from '../../db/system-deps.ts'
import type { Deps, ManagementDeps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { checkInvoices } from '../overage/invoices.ts'
import { configuredProviders } from '../providers/configured.ts'
import type { BillingProvider } from '../providers/provider.ts'
import { applySubscription } from '../subscriptions/sync.ts'
import { findDrift } from './drift.ts'
import { continueComparing } from './progress.ts'
import { replayEvents } from './replay.ts'
import { reconcileTopUps } from './top-ups.ts'

const NAME = 'reconcile-billing'
/** An event that failed this often is left to a person. */
export const MAX_ATTEMPTS = 20
/** Until then, the provider delivers the event again. */
const REDELIVERY_MS = 30 * 60_000

/**
 * Hourly: processes failed events again, then compares all subscriptions, and the payments of credits of the last two weeks,
 * with each provider and repairs the differences, because a provider gives up on an event after half an hour (Polar) or three
 * days (Stripe). Also ends grace periods and canceled periods that are over, for which no event arrives.
 */
export async function reconcileBilling(plain: Deps): Promise<Record<string, unknown>> {
  const deps = systemDeps(plain)
  const providers = configuredProviders(deps.config)
  if (providers.length === 0) return { providers: 0 }
  const receivedBefore = new Date(deps.now() - REDELIVERY_MS)
  const replayed = await replayEvents(deps, { isOpen: true, belowAttempts: MAX_ATTEMPTS, receivedBefore })
  const counts = { providers: providers.length, replayed: replayed.done, compared: 0, repaired: 0, left: 0, top_ups: 0 }
  for (const provider of providers) {
    const { compared, repaired, left } = await reconcileProvider(deps, provider)
    counts.compared += compared
    counts.repaired += repaired
    counts.left += left
    counts.top_ups += await tryTopUps(deps, provider)
    await tryInvoices(deps, provider)
  }
  return counts
}

/** A provider that fails does not stop the other one. */
async function reconcileProvider(deps: ManagementDeps, provider: BillingProvider) {
  try {
    const { compared, drifts } = await continueComparing(deps, { provider, list: 'subscriptions' }, (cursor) =>
      findDrift(deps, provider, cursor),
    )
    let repaired = 0
    for (const drift of drifts.filter(({ isRepairable }) => isRepairable))
      if (await repair(deps, provider, drift.subscriptionId)) repaired += 1
    const lasting = drifts.filter(({ kind, isRepairable }) => kind === 'unknown_product' && isRepairable).length
    return { compared, repaired, left: drifts.length - repaired + lasting }
  } catch (error) {
    log('error', 'billing_not_reconciled', { provider: provider.name, ...errorFields(error) })
    return { compared: 0, repaired: 0, left: 0 }
  }
}

/** A key that may not list payments does not stop the rest. */
async function tryTopUps(deps: ManagementDeps, provider: BillingProvider): Promise<number> {
  try {
    const { repaired } = await continueComparing(deps, { provider, list: 'payments' }, (cursor) =>
      reconcileTopUps(deps, provider, { because: NAME, cursor }),
    )
    return repaired
  } catch (error) {
    log('error', 'top_ups_not_reconciled', { provider: provider.name, ...errorFields(error) })
    return 0
  }
}

async function tryInvoices(deps: ManagementDeps, provider: BillingProvider): Promise<void> {
  try {
    await checkInvoices(deps, provider)
  } catch (error) {
    log('error', 'overage_invoices_not_checked', { provider: provider.name, ...errorFields(error) })
  }
}

async function repair(deps: ManagementDeps, provider: BillingProvider, subscriptionId: string): Promise<boolean> {
  try {
    const { what } = await applySubscription(deps, provider, { subscriptionId, because: NAME })
    return what === 'applied'
  } catch (error) {
    log('warn', 'subscription_not_repaired', { subscription_id: subscriptionId, ...errorFields(error) })
    return false
  }
}
