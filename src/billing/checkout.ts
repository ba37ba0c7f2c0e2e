import type * as z from 'zod'
import type { Manager } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import {
  alreadySubscribed,
  chooseProvider,
  listMetered,
  requirePaidPlan,
  requireProduct,
  safeReturn,
} from './account.ts'
import { callProviderAudited } from './call-provider.ts'
import { readPayer } from './payer.ts'
import type { BillingProvider, CheckoutInput, SubscriptionStatus } from './providers/provider.ts'
import { type Account, getAccount, type OfferedPlan } from './queries.ts'
import type { NewCheckout } from './schemas.ts'
import { applySubscription } from './subscriptions/sync.ts'

/** Two equal requests within this time get the same checkout, even without an Idempotency-Key. */
const SAME_REQUEST_MS = 10 * 60_000
/** States that prevent another subscription. */
const LIVING: ReadonlySet<SubscriptionStatus> = new Set(['trialing', 'active', 'past_due', 'paused', 'unpaid'])

interface CheckoutRequest {
  readonly manager: Manager
  readonly organizationId: string
  readonly input: z.output<typeof NewCheckout>
}

/**
 * Opens a checkout of a plan at a payment provider. Nothing is bought until the customer pays there.
 *
 * @throws Problem `already_subscribed`, `plan_not_purchasable`, `billing_not_offered`, `platform_organization`,
 *   `payer_unknown`, and those of providers
 */
export async function startCheckout(deps: ManagementDeps, request: CheckoutRequest) {
  const { manager, organizationId, input } = request
  const successUrl = safeReturn(deps.config, 'success_url', input.success_url)
  const cancelUrl = safeReturn(deps.config, 'cancel_url', input.cancel_url)
  await enforceRateLimits(deps, { billing_organization: { account: organizationId } })
  const account = await getAccount(deps.db, organizationId)
  if (account.organization.isPlatform) throw new Problem('platform_organization')
  const plan = requirePaidPlan(account, input.plan)
  if (account.current && !account.current.endedAt) throw alreadySubscribed(account.current.status)
  const provider = chooseProvider(deps.config, plan, input.provider)
  const detail = { plan: plan.id, provider: provider.name }
  return callProviderAudited(
    deps,
    { action: 'billing.checkout_started', manager, organizationId, detail, answers: 201 },
    async () => {
      const customerId = account.subscriptions.find((one) => one.provider === provider.name)?.providerCustomerId
      await requireNoSubscription(deps, provider, organizationId, customerId)
      const payer = await readPayer(deps.db, manager, organizationId)
      const fields = {
        ...findUnavailable(account, plan, provider),
        ...payer,
        name: payer.name ?? account.organization.name,
        successUrl,
        cancelUrl,
        customerId,
      }
      const checkout = await provider.createCheckout({
        ...fields,
        idempotencyKey: toKey(deps, account, fields),
      })
      return { ...checkout, ...detail }
    },
  )
}

/** The provider already knows of a purchase whose webhook is still on its way. */
async function requireNoSubscription(
  deps: ManagementDeps,
  provider: BillingProvider,
  organizationId: string,
  customerId: string | undefined,
): Promise<void> {
  const bought = await provider.findSubscriptions({ organizationId, customerId })
  const living = bought.find(({ status, endedAt }) => !endedAt && LIVING.has(status))
  if (!living) return
  await applySubscription(deps, provider, { subscriptionId: living.id, because: 'checkout' })
  throw alreadySubscribed(living.status)
}

function findUnavailable({ organization }: Account, plan: OfferedPlan, { name }: BillingProvider) {
  return {
    organizationId: organization.id,
    product: requireProduct(plan, name),
    ...(name === 'stripe' && { meteredProducts: listMetered(plan) }),
  }
}

/** The same key for equal requests at the same time; another key once a subscription has come and gone. */
function toKey(
  deps: ManagementDeps,
  { subscriptions }: Account,
  fields: Omit<CheckoutInput, 'idempotencyKey'>,
): string {
  const identity = [fields, subscriptions[0]?.id ?? null, Math.floor(deps.now() / SAME_REQUEST_MS)]
  return `checkout-${sha256Hex(JSON.stringify(identity))}`
}
