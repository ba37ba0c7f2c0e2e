import type { ManagementDeps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { createLru } from '../lib/lru.ts'
import { providerNamed } from './providers/configured.ts'
import type { PaymentMethod, ProviderName, ProviderSubscription } from './providers/provider.ts'
import type { Subscription } from './queries.ts'

/** The provider's data is included only if it arrives in time. The rest does not wait for it. */
const PROVIDER_TIMEOUT_MS = 2_000
/** How long an isolate caches an answer: a provider's rate limit applies to the requests of all customers together. */
const KEPT_MS = 30_000

type Answer = readonly [PaymentMethod | undefined, ProviderSubscription | undefined]

/** The cached answers, by subscription and revision: a change of the subscription invalidates them. */
let kept = createLru<{ readonly at: number; readonly answer: Answer }>(1_000)

/** Clears the cache. For tests that change something at a provider while the revision stays the same. */
export function forgetStates(): void {
  kept = createLru(1_000)
}

/**
 * Asks the provider for the payment method and the current state of a subscription.
 *
 * @returns both; undefined for a part that the provider did not answer in time
 */
export async function fetchProviderState(deps: ManagementDeps, current: Subscription): Promise<Answer> {
  const { provider: name, providerSubscriptionId: id, revision } = current
  const key = `${name} ${id} ${revision}`
  const known = kept.get(key)
  if (known && deps.now() - known.at < KEPT_MS) return known.answer
  const provider = providerNamed(deps.config, name)
  const at = deps.now()
  let isWhole = true
  const onFailure = () => {
    isWhole = false
  }
  const answer = await Promise.all([
    withTimeout(name, provider?.getPaymentMethod?.(id), onFailure),
    withTimeout(name, provider?.getSubscription(id), onFailure),
  ])
  if (isWhole) kept.set(key, { at, answer })
  return answer
}

/** Waits for the provider, and returns undefined if it fails or is late. */
async function withTimeout<T>(
  provider: ProviderName,
  pending: Promise<T | undefined> | undefined,
  onFailure: () => void,
): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => {
    onFailure()
    log('warn', 'billing_info_unread', { provider, reason: 'late' })
    resolve(undefined)
  }, PROVIDER_TIMEOUT_MS)
  try {
    return await Promise.race([pending, late])
  } catch (error) {
    onFailure()
    log('warn', 'billing_info_unread', { provider, ...errorFields(error) })
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
