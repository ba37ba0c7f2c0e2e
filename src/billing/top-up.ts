import type * as z from 'zod'
import type { Manager } from '../auth/principal.ts'
import type { Config } from '../config.ts'
import type { ManagementDeps } from '../deps.ts'
import { safeReturn } from '../http/return-url.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { callProviderAudited } from './call-provider.ts'
import { findPayer } from './credits/purchase-queries.ts'
import { readPayer } from './payer.ts'
import { configuredProviders } from './providers/configured.ts'
import { withOrWithoutCustomer } from './providers/http.ts'
import type { BillingProvider, ProviderName } from './providers/provider.ts'
import { getAccount } from './queries.ts'
import type { NewTopUp } from './schemas.ts'

interface TopUpRequest {
  readonly manager: Manager
  readonly organizationId: string
  readonly input: z.output<typeof NewTopUp>
}

type Selling = BillingProvider & Required<Pick<BillingProvider, 'createTopUp'>>

/**
 * Opens a checkout of credits at a payment provider. They are granted once the customer has paid there.
 *
 * @throws Problem `billing_not_offered`, `platform_organization`, `payer_unknown`, and those of providers
 */
export async function startTopUp(deps: ManagementDeps, { manager, organizationId, input }: TopUpRequest) {
  const successUrl = safeReturn(deps.config, 'success_url', input.success_url)
  const cancelUrl = safeReturn(deps.config, 'cancel_url', input.cancel_url)
  await enforceRateLimits(deps, { billing_organization: { account: organizationId } })
  const { organization, subscriptions } = await getAccount(deps.db, organizationId)
  if (organization.isPlatform) throw new Problem('platform_organization')
  const provider = chooseSeller(deps.config, input.provider)
  const detail = { amount: input.amount, provider: provider.name }
  return callProviderAudited(
    deps,
    { action: 'billing.top_up_started', manager, organizationId, detail, answers: 201 },
    async () => {
      const payer = await readPayer(deps.db, manager, organizationId)
      const known =
        subscriptions.find((one) => one.provider === provider.name)?.providerCustomerId ??
        (await findPayer(deps.db, organizationId, provider.name))?.providerCustomerId
      const checkout = await withOrWithoutCustomer(known, (customerId) =>
        provider.createTopUp({
          organizationId,
          cents: Math.round(Number(input.amount) * 100),
          ...payer,
          name: payer.name ?? organization.name,
          successUrl,
          cancelUrl,
          customerId,
          idempotencyKey: `top-up-${uuidv7(deps.now())}`, // equal amounts may be bought one after the other
        }),
      )
      return { ...checkout, ...detail }
    },
  )
}

/** @throws Problem `billing_not_offered` */
function chooseSeller(config: Config, wanted: ProviderName | undefined): Selling {
  const found = configuredProviders(config).find(
    (one): one is Selling => one.createTopUp !== undefined && (wanted === undefined || one.name === wanted),
  )
  if (!found)
    throw new Problem('billing_not_offered', { detail: 'No payment provider of this deployment sells credits.' })
  return found
}
