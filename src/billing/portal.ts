import type * as z from 'zod'
import type { Manager } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { safeReturn } from '../http/return-url.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { requireProvider } from './account.ts'
import { callProviderAudited } from './call-provider.ts'
import { findPayer } from './credits/purchase-queries.ts'
import { UnknownCustomer } from './providers/http.ts'
import { getAccount } from './queries.ts'
import type { NewPortal } from './schemas.ts'

const DELETED = 'The payment provider has deleted this customer. Buy a plan or credits again first.'

interface PortalRequest {
  readonly manager: Manager
  readonly organizationId: string
  readonly input: z.output<typeof NewPortal>
}

/**
 * Opens the provider's own page for a customer, with payment method and invoices. Also for a customer whose
 * subscription has ended, or who bought nothing but credits.
 *
 * @throws Problem `no_subscription` if nothing was ever bought, and those of providers
 */
export async function openPortal(deps: ManagementDeps, { manager, organizationId, input }: PortalRequest) {
  const returnUrl = safeReturn(deps.config, 'return_url', input.return_url)
  await enforceRateLimits(deps, { billing_organization: { account: organizationId } })
  const { current, subscriptions } = await getAccount(deps.db, organizationId)
  const bought = current ?? subscriptions[0] ?? (await findPayer(deps.db, organizationId))
  if (!bought) throw new Problem('no_subscription')
  const provider = requireProvider(deps.config, bought.provider)
  const detail = { provider: provider.name }
  return callProviderAudited(
    deps,
    { action: 'billing.portal_opened', manager, organizationId, detail, answers: 201 },
    async () => {
      const { url } = await provider
        .createPortal({ customerId: bought.providerCustomerId, returnUrl })
        .catch((error: unknown) => {
          throw error instanceof UnknownCustomer ? new Problem('no_subscription', { detail: DELETED }) : error
        })
      return { url, provider: provider.name }
    },
  )
}
