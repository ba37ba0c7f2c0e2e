import { ormOver } from '../../db/orm.ts'
import type { Deps, ManagementDeps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { configuredProviders } from '../providers/configured.ts'
import type { BillingProvider } from '../providers/provider.ts'
import { applySubscription } from '../subscriptions/sync.ts'
import { findDrift } from './drift.ts'
import { replayEvents } from './replay.ts'

const NAME = 'reconcile-billing'
/** An event that failed so often is for a person to look at. */
const MAX_ATTEMPTS = 20
/** Until then its provider delivers it again by itself. */
const LEFT_ALONE_MS = 30 * 60_000

/** For what nobody asked for: no address, no browser, and a request id of its own in the audit log. */
export function systemDeps(deps: Deps): ManagementDeps {
  const origin = { requestId: crypto.randomUUID(), ip: undefined, userAgent: undefined }
  return { ...deps, db: ormOver(deps.sql), origin }
}

/**
 * Hourly: does what events that failed left to do; then asks each provider for all its subscriptions and repairs what is
 * otherwise here, since a provider gives an event up after half an hour (Polar) or three days (Stripe). Ends grace periods
 * and cancelled periods that are over as well: nobody tells of those.
 */
export async function reconcileBilling(plain: Deps): Promise<Record<string, unknown>> {
  const deps = systemDeps(plain)
  const providers = configuredProviders(deps.config)
  if (providers.length === 0) return { providers: 0 }
  const receivedBefore = new Date(deps.now() - LEFT_ALONE_MS)
  const replayed = await replayEvents(deps, { isOpen: true, belowAttempts: MAX_ATTEMPTS, receivedBefore })
  const counts = { providers: providers.length, replayed: replayed.done, compared: 0, repaired: 0, left: 0 }
  for (const provider of providers) {
    const { compared, repaired, left } = await reconcileProvider(deps, provider)
    counts.compared += compared
    counts.repaired += repaired
    counts.left += left
  }
  return counts
}

/** One provider that fails does not keep the other from being reconciled. */
async function reconcileProvider(deps: ManagementDeps, provider: BillingProvider) {
  try {
    const { compared, drifts } = await findDrift(deps, provider)
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

async function repair(deps: ManagementDeps, provider: BillingProvider, subscriptionId: string): Promise<boolean> {
  try {
    const { what } = await applySubscription(deps, provider, { subscriptionId, because: NAME })
    return what === 'applied'
  } catch (error) {
    log('warn', 'subscription_not_repaired', { subscription_id: subscriptionId, ...errorFields(error) })
    return false
  }
}
