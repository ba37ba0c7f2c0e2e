import type { Config } from '../config.ts'
import { Problem } from '../problems.ts'
import { configuredProviders, providerNamed } from './providers/configured.ts'
import type { BillingProvider, ProviderName } from './providers/provider.ts'
import type { Account, OfferedPlan, Subscription } from './queries.ts'

/** What a plan is bought as at a provider; `null` where it is not sold there. */
const selectProduct = (plan: OfferedPlan, provider: ProviderName): string | null =>
  provider === 'polar' ? plan.polarProductId : plan.stripePriceId

/**
 * @param plan what a customer asked for
 * @throws Problem `invalid_request` naming `plan` where customers see none of that id; `plan_not_purchasable` for one that
 *   costs nothing, or is agreed upon in person
 */
export function requirePaidPlan({ plans }: Account, plan: string): OfferedPlan {
  const found = plans.find(({ id, isPublic }) => id === plan && isPublic)
  if (!found) throw new Problem('invalid_request', { errors: [{ path: 'body.plan', message: 'is no plan on offer' }] })
  if (found.pricePerMonthCents === null)
    throw new Problem('plan_not_purchasable', { detail: `The plan ${plan} is agreed upon in person.` })
  if (found.pricePerMonthCents === 0)
    throw new Problem('plan_not_purchasable', { detail: `The plan ${plan} costs nothing: cancel, and it follows.` })
  return found
}

/** @throws Problem `billing_not_offered`, `plan_not_purchasable` where no provider of this deployment sells it */
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

/** What Stripe bills along with a plan: the metered prices of what is used above its limits. */
export const listMetered = ({ overage }: OfferedPlan): string[] =>
  Object.values(overage).flatMap(({ stripe_price_id: id }) => id ?? [])

/** All that plans are bought as at a provider, metered prices among it. */
export const listProducts = ({ plans }: Account, provider: ProviderName): string[] =>
  plans.flatMap((plan) => [selectProduct(plan, provider) ?? [], provider === 'stripe' ? listMetered(plan) : []].flat())

const notSold = ({ id }: OfferedPlan) =>
  new Problem('plan_not_purchasable', { detail: `The plan ${id} is not sold by the payment provider.` })

const PORTAL = 'pay what is open on the page that POST /api/v1/billing/portal opens'
/** The way out of each state in which there is a subscription and no other one is bought. */
const WAYS_OUT: Readonly<Record<Subscription['status'], string>> = {
  active: 'Change it with POST /api/v1/billing/change.',
  trialing: 'Change it with POST /api/v1/billing/change.',
  past_due: `Its payment failed: ${PORTAL}.`,
  unpaid: `Its payments failed, and it gives nothing: ${PORTAL}, or cancel it.`,
  paused: 'It is paused: resume it with POST /api/v1/billing/resume, or cancel it.',
  incomplete: `Its first payment is not there yet: ${PORTAL}.`,
  canceled: 'It ends with its period.',
}

/** Why nothing else is bought, and what to do instead. */
export const alreadySubscribed = (status: Subscription['status']) =>
  new Problem('already_subscribed', { detail: `There is a subscription already. ${WAYS_OUT[status]}` })

/** @throws Problem `subscription_paused`, `payment_open` where a change would be taken and give nothing */
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
 * Where a provider may lead a customer back to: this deployment, or an origin whose pages may call it. Anything else would
 * make of its page, which people trust, a way to anywhere.
 *
 * @throws Problem `invalid_request` naming the field
 */
export function safeReturn(config: Config, field: string, given: string | undefined): string {
  if (given === undefined) return `${config.PUBLIC_URL}/`
  const { origin, username, password } = new URL(given)
  const isKnown = [config.PUBLIC_URL, ...config.CORS_ORIGINS].some((one) => URL.parse(one)?.origin === origin)
  if (isKnown && username === '' && password === '') return given
  throw new Problem('invalid_request', {
    errors: [{ path: `body.${field}`, message: 'must lead to this deployment, or to an origin of CORS_ORIGINS' }],
  })
}
