import type { Config } from '../config.ts'
import { Problem } from '../problems.ts'
import { configuredProviders, providerNamed } from './providers/configured.ts'
import type { BillingProvider, ProviderName } from './providers/provider.ts'
import type { Account, OfferedPlan, Subscription } from './queries.ts'

/** A plan's product id at a provider; `null` if the plan is not sold there. */
const selectProduct = (plan: OfferedPlan, provider: ProviderName): string | null =>
  provider === 'polar' ? plan.polarProductId : plan.stripePriceId

/**
 * @param plan the id that a customer requested
 * @throws Problem `invalid_request` naming `plan` if customers see no such plan; `plan_not_purchasable` for a plan that
 *   is free or has a negotiated price
 */
export function requirePaidPlan({ plans }: Account, plan: string): OfferedPlan {
  const found = plans.find(({ id, isPublic }) => id === plan && isPublic)
  if (!found)
    throw new Problem('invalid_request', { errors: [{ path: 'body.plan', message: 'is not an available plan' }] })
  if (found.pricePerMonthCents === null)
    throw new Problem('plan_not_purchasable', { detail: `The price of the plan ${plan} is negotiated.` })
  if (found.pricePerMonthCents === 0)
    throw new Problem('plan_not_purchasable', {
      detail: `The plan ${plan} is free. Cancel the subscription to return to it.`,
    })
  return found
}

/** @throws Problem `billing_not_offered`, `plan_not_purchasable` if no provider of this deployment sells it */
export function chooseProvider(config: Config, plan: OfferedPlan, wanted: ProviderName | undefined): BillingProvider {
  const offered = wanted === undefined ? configuredProviders(config) : [requireProvider(config, wanted)]
  if (offered.length === 0) throw new Problem('billing_not_offered')
  const provider = offered.find(({ name }) => selectProduct(plan, name) !== null)
  if (!provider) throw notSold(plan)
  return provider
}

/** @throws Problem `billing_not_offered` */
export function requireProvider(config: Config, name: ProviderName): BillingProvider {
  const provider = providerNamed(config, name)
  if (!provider) throw new Problem('billing_not_offered')
  return provider
}

/** @throws Problem `plan_not_purchasable` */
export function requireProduct(plan: OfferedPlan, provider: ProviderName): string {
  const product = selectProduct(plan, provider)
  if (product === null) throw notSold(plan)
  return product
}

/** The metered prices of overage, which Stripe bills with a plan. */
export const listMetered = ({ overage }: OfferedPlan): string[] =>
  Object.values(overage).flatMap(({ stripe_price_id: id }) => id ?? [])

/** All product ids of plans at a provider, including metered prices. */
export const listProducts = ({ plans }: Account, provider: ProviderName): string[] =>
  plans.flatMap((plan) => [selectProduct(plan, provider) ?? [], provider === 'stripe' ? listMetered(plan) : []].flat())

const notSold = ({ id }: OfferedPlan) =>
  new Problem('plan_not_purchasable', { detail: `The plan ${id} is not sold by the payment provider.` })

const PORTAL = 'pay the open amount on the page that POST /api/v1/billing/portal opens'
/** What to do in each state that prevents another subscription. */
const WAYS_OUT: Readonly<Record<Subscription['status'], string>> = {
  active: 'Change it with POST /api/v1/billing/change.',
  trialing: 'Change it with POST /api/v1/billing/change.',
  past_due: `Its payment failed: ${PORTAL}.`,
  unpaid: `Its payments failed, and it is not in force: ${PORTAL}, or cancel it.`,
  paused: 'It is paused: resume it with POST /api/v1/billing/resume, or cancel it.',
  incomplete: `Its first payment is still open: ${PORTAL}.`,
  canceled: 'It ends with its period.',
}

/** Refuses another subscription, and says what to do instead. */
export const alreadySubscribed = (status: Subscription['status']) =>
  new Problem('already_subscribed', { detail: `There already is a subscription. ${WAYS_OUT[status]}` })

/** @throws Problem `subscription_paused`, `payment_open` if a change would be charged without effect */
export function requireGiving({ status }: Pick<Subscription, 'status'>): void {
  if (status === 'paused') throw new Problem('subscription_paused')
  if (status === 'unpaid' || status === 'incomplete') throw new Problem('payment_open')
}

/** @throws Problem `no_subscription` */
export function requireCurrent({ current }: Account): Subscription {
  if (!current || current.endedAt) throw new Problem('no_subscription')
  return current
}

/**
 * The URL a provider may send a customer back to: this deployment, or an origin whose pages may call it. Any other URL
 * would turn the provider's page, which people trust, into an open redirect.
 *
 * @throws Problem `invalid_request` that names the field
 */
export function safeReturn(config: Config, field: string, url: string | undefined): string {
  if (url === undefined) return `${config.PUBLIC_URL}/`
  const { origin, username, password } = new URL(url)
  const isKnown = [config.PUBLIC_URL, ...config.CORS_ORIGINS].some((one) => URL.parse(one)?.origin === origin)
  if (isKnown && username === '' && password === '') return url
  throw new Problem('invalid_request', {
    errors: [{ path: `body.${field}`, message: 'must point to this deployment, or to an origin of CORS_ORIGINS' }],
  })
}
