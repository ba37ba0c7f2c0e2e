import type { ManagementDeps } from '../../deps.ts'
import type { BillingProvider } from '../providers/provider.ts'
import { applySubscription } from './sync.ts'
import type { Cause } from './write.ts'

/**
 * Has the provider change a subscription, and applies what it is then. Also after a failure: part of the change may have
 * been made, and a lost answer says nothing.
 *
 * @throws what `work` throws, and the Problems of `applySubscription` if it succeeds
 */
export async function applyAround<T>(
  deps: ManagementDeps,
  provider: BillingProvider,
  cause: Cause,
  work: () => Promise<T>,
): Promise<T> {
  let result: T
  try {
    result = await work()
  } catch (error) {
    await applySubscription(deps, provider, cause).catch(() => undefined) // its webhook, or the hourly job, tries again
    throw error
  }
  await applySubscription(deps, provider, cause)
  return result
}
