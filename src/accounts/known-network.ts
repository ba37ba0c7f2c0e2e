import type { ManagementDeps } from '../deps.ts'
import { isSameNetwork } from '../lib/cidr.ts'
import { enforceRateLimits, networkAddress, type Policy } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { findKnownAddresses } from './queries.ts'

/** Whether an IP address is in a network from which a user signed in before. */
export const isAmong = (known: readonly string[], address: string): boolean =>
  known.some((one) => isSameNetwork(one, address))

/**
 * Counts a request against an email address's limit across all networks. Anybody who knows the address can exhaust this limit,
 * so it does not apply to networks from which the owner signed in before (ASVS 6.1.1). The requester has not proved anything yet,
 * so the network's own limits still apply there.
 *
 * @throws Problem `rate_limited`
 */
export async function enforceForAccount(deps: ManagementDeps, policy: Policy, email: string): Promise<void> {
  try {
    await enforceRateLimits(deps, { [policy]: { account: email } })
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'rate_limited') throw error
    if (!isAmong(await findKnownAddresses(deps.db, email), networkAddress(deps))) throw error
  }
}
