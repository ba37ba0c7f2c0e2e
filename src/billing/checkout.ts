import type * as z from 'zod'
import type { Manager } from '../auth/principal.ts'
import { toFamily } from '../db/plan-version.ts'
import type { ManagementDeps } from '../deps.ts'
import { safeReturn } from '../http/return-url.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { alreadySubscribed, chooseProvider, toOrder } from './account.ts'
import { callProviderAudited } from './call-provider.ts'
import { readPayer } from './payer.ts'
import { selectProduct } from './plans/prices.ts'
import { withOrWithoutCustomer } from './providers/http.ts'
import type { BillingProvider, CheckoutInput, ProviderName, SubscriptionStatus } from './providers/provider.ts'
import { type Account, getAccount } from './queries.ts'
import type { NewCheckout } from './schemas.ts'
import { requireSelection, type Selection } from './selection.ts'
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
 * @throws Problem `already_subscribed`, `billing_not_offered`, `platform_organization`, `payer_unknown`, those of
 *   `requireSelection` and `toOrder`, and those of providers
 */
export async function startCheckout(deps: ManagementDeps, request: CheckoutRequest) {
  const { manager, organizationId, input } = request
  const successUrl = safeReturn(deps.config, 'success_url', input.success_url)
  const cancelUrl = safeReturn(deps.config, 'cancel_url', input.cancel_url)
  await enforceRateLimits(deps, { billing_organization: { account: organizationId } })
  const account = await getAccount(deps.db, organizationId)
  if (account.organization.isPlatform) throw new Problem('platform_organization')
  const selection = requireSelection(account, input)
  if (account.current && !account.current.endedAt) throw alreadySubscribed(account.current.status)
  const provider = chooseProvider(deps.config, selection, input.provider)
  const order = toOrder(selection, provider.name)
  const detail = { plan: toFamily(selection.plan.id), provider: provider.name }
  return callProviderAudited(
    deps,
    { action: 'billing.checkout_started', manager, organizationId, detail, answers: 201 },
    async () => {
      const payer = await readPayer(deps.db, manager, organizationId)
      const known = account.subscriptions.find((one) => one.provider === provider.name)?.providerCustomerId
      const checkout = await withOrWithoutCustomer(known, async (customerId) => {
        await requireNoSubscription(deps, provider, organizationId, customerId)
        const fields = {
          organizationId,
          ...order,
          ...(isShared(selection, provider.name) && { currency: selection.price.currency }),
          trialDays: trialFor(account, selection),
          ...payer,
          name: payer.name ?? account.organization.name,
          successUrl,
          cancelUrl,
          customerId,
        }
        return provider.createCheckout({ ...fields, idempotencyKey: toKey(deps, account, fields) })
      })
      return { ...checkout, ...detail }
    },
  )
}

/** Checks whether the provider already has a purchase whose webhook has not arrived yet. */
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

/** Whether one product has the plan's prices in several currencies, so that the checkout must specify one. */
const isShared = ({ plan, price }: Selection, provider: ProviderName) =>
  plan.prices.filter((one) => selectProduct(one, provider) === selectProduct(price, provider)).length > 1

/** An organization has one trial: with its first subscription. */
const trialFor = ({ subscriptions }: Account, { plan }: Selection) =>
  subscriptions.some(({ status }) => status !== 'incomplete') ? 0 : plan.trialDays

/** The same key for equal requests at the same time; another key once a subscription has come and gone. */
function toKey(
  deps: ManagementDeps,
  { subscriptions }: Account,
  fields: Omit<CheckoutInput, 'idempotencyKey'>,
): string {
  const identity = [fields, subscriptions[0]?.id ?? null, Math.floor(deps.now() / SAME_REQUEST_MS)]
  return `checkout-${sha256Hex(JSON.stringify(identity))}`
}
