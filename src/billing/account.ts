import type { Config } from '../config.ts'
import { toFamily } from '../db/plan-version.ts'
import { Problem } from '../problems.ts'
import { selectProduct, sellsSeats } from './plans/prices.ts'
import { configuredProviders, providerNamed } from './providers/configured.ts'
import type { BillingProvider, ProviderName } from './providers/provider.ts'
import type { Account, OfferedPlan, Subscription } from './queries.ts'
import type { Selection } from './selection.ts'

/** @throws Problem `billing_not_offered`, `plan_not_purchasable` if no provider of this deployment sells all of it */
export function chooseProvider(config: Config, selection: Selection, wanted: ProviderName | undefined) {
  const offered = wanted === undefined ? configuredProviders(config) : [requireProvider(config, wanted)]
  if (offered.length === 0) throw new Problem('billing_not_offered')
  const sellers = offered.filter(({ name }) => selectProduct(selection.price, name) !== undefined)
  const provider = sellers.find(({ name }) => name !== 'polar' || selection.addons.length === 0) ?? sellers[0]
  if (!provider) throw notSold(selection.plan)
  return provider
}

/** @throws Problem `billing_not_offered` */
export function requireProvider(config: Config, name: ProviderName): BillingProvider {
  const provider = providerNamed(config, name)
  if (!provider) throw new Problem('billing_not_offered')
  return provider
}

/**
 * The lines of a selection at a provider.
 *
 * @param before the subscription's current selection
 * @throws Problem `plan_not_purchasable`; `provider_unsupported` for add-ons at Polar
 */
export function toOrder(selection: Selection, provider: ProviderName, before?: Selection) {
  const { plan, price, seats, addons } = selection
  const product = selectProduct(price, provider)
  if (product === undefined) throw notSold(plan)
  if (provider === 'polar' && addons.length > 0)
    throw new Problem('provider_unsupported', {
      detail: 'Polar sells one product in a subscription, so it has no add-ons. They are sold through Stripe.',
    })
  const counted = sellsSeats(plan, price) ? (seats ?? undefined) : undefined
  const single = before && sellsSeats(before.plan, before.price) ? 1 : undefined
  return {
    plan: { product, quantity: counted ?? single },
    addons: addons.map(({ addon, price: one, quantity }) => {
      const sold = selectProduct(one, provider)
      if (sold === undefined)
        throw new Problem('plan_not_purchasable', {
          detail: `The add-on ${addon.id} is not sold by the payment provider.`,
        })
      return { product: sold, quantity }
    }),
    ...(provider === 'stripe' && { meteredProducts: listMetered(plan) }),
  }
}

/** The metered prices of overage, which Stripe bills with a plan. */
const listMetered = ({ overage }: OfferedPlan): string[] =>
  Object.values(overage).flatMap(({ stripe_price_id: id }) => id ?? [])

/** The product ids of plans alone at a provider. */
export const listPlanProducts = ({ plans }: Account, provider: ProviderName): string[] =>
  plans.flatMap(({ prices }) => prices.flatMap((price) => selectProduct(price, provider) ?? []))

/** All product ids of plans at a provider, including add-ons and metered prices. */
export const listProducts = ({ plans }: Account, provider: ProviderName): string[] =>
  plans.flatMap((plan) => [
    ...[...plan.prices, ...plan.addons.flatMap(({ prices }) => prices)].flatMap(
      (price) => selectProduct(price, provider) ?? [],
    ),
    ...(provider === 'stripe' ? listMetered(plan) : []),
  ])

const notSold = ({ id }: OfferedPlan) =>
  new Problem('plan_not_purchasable', {
    detail: `The plan ${toFamily(id)} is not sold by the payment provider in this interval and currency.`,
  })

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
