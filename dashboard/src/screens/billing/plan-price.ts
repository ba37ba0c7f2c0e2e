import type { BillingInfo, CatalogPlan, CatalogPrice } from '../../api/types.ts'
import { formatPrice } from '../../lib/format.ts'

type Interval = CatalogPrice['interval']

/** In which interval and currency prices are shown. */
export interface Terms {
  readonly interval: Interval
  readonly currency: string
}

/** What the subscription has, else by the month in the first currency that there is. */
export function termsOf({ subscription }: BillingInfo, plans: readonly CatalogPlan[]): Terms {
  if (subscription) return { interval: subscription.interval, currency: subscription.currency }
  const currencies = listCurrencies(plans)
  return { interval: 'month', currency: currencies.includes('usd') ? 'usd' : (currencies[0] ?? 'usd') }
}

export const listCurrencies = (plans: readonly CatalogPlan[]) => [
  ...new Set(plans.flatMap(({ prices }) => prices.map(({ currency }) => currency))),
]

export const listIntervals = (plans: readonly CatalogPlan[]) =>
  (['month', 'year'] as const).filter((one) =>
    plans.some(({ prices }) => prices.some(({ interval, amount_cents }) => interval === one && amount_cents)),
  )

/** The price of these terms, else the first there is. */
export const findPrice = ({ prices }: CatalogPlan, { interval, currency }: Terms): CatalogPrice | undefined =>
  prices.find((price) => price.interval === interval && price.currency === currency) ??
  prices.find((price) => price.currency === currency) ??
  prices[0]

/** The plan on which an organization is without a subscription. Others may have no base fee either, and charge by use. */
export const isFallback = ({ id }: Pick<CatalogPlan, 'id'>) => id === 'free'

export const isNegotiated = ({ prices }: CatalogPlan) => prices.every(({ amount_cents }) => amount_cents === null)

/** @param planId of the plan whose price it is */
export function describePrice(planId: string, { amount_cents: cents, currency, interval }: CatalogPrice): string {
  if (cents === null) return 'At the agreed price'
  if (cents > 0) return `${formatPrice(cents, currency)} a ${interval}`
  return isFallback({ id: planId }) ? 'Free of charge' : 'No base fee'
}
